"""What is open beyond loopback, and what a stranger on an uplink can say to it."""

import re
import socket

from tests.lab.guest import Guest

LOOPBACK = re.compile(r"(127\.|\[::1\])")
OWN_NEEDS = re.compile(r":(68|546)$")  # DHCP and DHCPv6 clients, which the firewall lets through from port 67 alone
SAID = b"HELLO\r\n\r\n"


def listening(run: Guest) -> list[str]:
    """Protocol, address and service of every listening socket that is neither on loopback alone nor of a service that
    the kernel lets hear nobody but the hub (IPAddressDeny=any)."""
    lines = [line.split() for line in run.run("ss -Hltunp").splitlines()]
    beyond = [(line[0], line[4], _service(run, line[-1])) for line in lines if not LOOPBACK.match(line[4])]
    return sorted(" ".join(each) for each in beyond if not (each[2] and hears_the_hub_alone(run, each[2])))


def _service(run: Guest, users: str) -> str:
    """Whose it is; empty: the kernel's own, or unknown."""
    found = re.search(r"pid=(\d+)", users)
    return run.run(f"ps -o unit= -p {found[1]}", may_fail=True) if found else ""


def hears_the_hub_alone(run: Guest, service: str) -> bool:
    denied = run.run(f"systemctl show --value -p IPAddressDeny {service}", may_fail=True)
    return set(denied.split()) == {"::/0", "0.0.0.0/0"}


def tells(run: Guest, port: int, times: int) -> None:
    """A stranger beyond the first uplink says something to that UDP port of the unit, so often."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()[1]
    _monitor(run, f"hostfwd_add wired udp:127.0.0.1:{here}-:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(times):
            stranger.sendto(SAID, ("127.0.0.1", here))
            run.run("true")
    _monitor(run, f"hostfwd_remove wired udp:127.0.0.1:{here}")


def _monitor(run: Guest, line: str) -> None:
    run.board.execute("human-monitor-command", **{"command-line": line})


def drops(run: Guest, port: int) -> int:
    """How many datagrams to that port the kernel has handed to nobody (/proc/net/udp, drops)."""
    found = run.run(f"awk '$2 ~ /:{port:04X}$/ {{ print $NF }}' /proc/net/udp")
    return sum(map(int, found.split()))
