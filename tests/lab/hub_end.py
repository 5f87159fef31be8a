"""The hub's end of the units' tunnels, on a machine that has nothing to do with them: `python -m tests.lab.hub_end
AGENCY FOLDER`, in the bench's packages (bench/machine/enter --online), until it is killed.

WireGuard, broker, console and the agency's phone (agency_end.py) are in a network namespace of their own, where the
hub's addresses are. Of the machine there are the three ports of its loopback that a unit's datagrams come to, handed on
as they are, and two sockets in FOLDER.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from firmware.failover import tunnels
from firmware.failover.tunnels import DATA, LTE, WIRED, Tunnel
from hub import broker
from hub import tunnels as hub_tunnels
from hub.agency import Agency

HERE, MQTT_PORT, BOUND_S, LONGEST = "127.0.0.1", 8883, 20.0, 65536
OUTSIDE = (DATA, WIRED, LTE)  # wg-voice's datagrams come inside those
QUIET = {"WG_PROCESS_FOREGROUND": "1"}


def outside(arguments: Sequence[str]) -> None:
    """Takes the machine's ports, and becomes `inside` with them."""
    ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in OUTSIDE]
    for port, tunnel in zip(ports, OUTSIDE, strict=True):
        port.bind((HERE, tunnel.port))
        port.set_inheritable(True)
    fds = [str(port.fileno()) for port in ports]
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, "-m", __spec__.name, *arguments, *fds])


def inside(agency: Agency, folder: Path, ports: Sequence[socket.socket]) -> None:
    ip("link set lo up", *hub_tunnels.standing_lines())
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["nft", "-f", "-"], input=hub_tunnels.TABLE, text=True, check=True)
    for tunnel in tunnels.ALL:
        interface(agency, folder, tunnel)
    for port, tunnel in zip(ports, OUTSIDE, strict=True):
        handed_on(port, tunnel)
    tls = agency.authority.broker((DATA.hub(),)), agency.authority.console()
    subprocess.Popen(broker.write(folder / "broker", DATA.hub(), MQTT_PORT, tls[0]))
    subprocess.Popen([sys.executable, "-m", "tests.lab.agency_end", str(folder)])
    words = ("--unix", str(folder / "console.sock"), "--mqtt", f"{DATA.hub()}:{MQTT_PORT}", "--tls", str(tls[1]))
    subprocess.run([sys.executable, "-m", "hub.console", *words], check=True)


def ip(*lines: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def interface(agency: Agency, folder: Path, tunnel: Tunnel) -> None:
    """One tunnel for every unit in the agency's register."""
    subprocess.Popen(["wireguard-go", "--foreground", tunnel.interface], env=os.environ | QUIET)
    ends = time.monotonic() + BOUND_S
    while f"/{tunnel.interface}.sock" not in Path("/proc/net/unix").read_text():
        assert time.monotonic() < ends, f"{tunnel.interface}: wireguard-go is not up within {BOUND_S:g} s"
        time.sleep(0.05)
    ip(*hub_tunnels.interface_lines(tunnel))
    private = (agency.folder / "tunnels" / f"{tunnel.interface}.key").read_text()
    units = {entry.number: entry.tunnels[tunnel.interface] for entry in agency.units().values()}
    (folder / tunnel.interface).write_text(hub_tunnels.configuration(tunnel, private, units))
    subprocess.run(["wg", "setconf", tunnel.interface, str(folder / tunnel.interface)], check=True)


def handed_on(port: socket.socket, tunnel: Tunnel) -> None:
    """What comes to the machine's port, to the tunnel's; what is answered, to whom was heard last."""
    within, heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), [(HERE, 9)]
    within.connect((HERE, tunnel.port))

    def there() -> None:
        while True:
            data, heard[0] = port.recvfrom(LONGEST)
            within.send(data)

    def back() -> None:
        while True:
            port.sendto(within.recv(LONGEST), heard[0])

    for way in (there, back):
        threading.Thread(target=way, daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        outside(sys.argv[1:])
    at, work, *fds = sys.argv[1:]
    inside(Agency(Path(at)), Path(work), [socket.socket(fileno=int(fd)) for fd in fds])
