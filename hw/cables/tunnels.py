"""Both ends of the tunnels on `wireguard-go`: keys made as provisioning would, and one process a tunnel and end.

Each process gets a mount namespace with a control folder of its own bound over /run/wireguard, since the same interface
names stand at both ends. It configures its interface each time it starts, so a supervisor may kill and restart it.
Beside the unit's wg-data runs hw/cables/follow.py, which `wireguard-go` needs and a kernel does not.
The keys come last, when there is a way to the peer: a first handshake that is refused is repeated only after 5 s.
"""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from firmware.failover import tunnels
from firmware.failover.tunnels import Tunnel
from hub import tunnels as hub_tunnels
from hw.cables import namespace
from hw.cables.networkmanager import Command
from hw.cables.topology import HUB, Names, ip, run

PATIENCE = 100  # tenths of a second
SCRIPT = """set -e
mount --make-rprivate /
mkdir -p {control} /run/wireguard
mount --bind {control} /run/wireguard
(until {listens}; do sleep 0.02; done
 ip -batch {lines} || kill $$
 for _ in $(seq {patience}); do {way} > /dev/null 2>&1 && break; sleep 0.1; done
 wg setconf {interface} {config} || kill $$
 touch {configured}) &
{beside}exec wireguard-go --foreground {interface}
"""
# Dies with the tunnel's process, which its parent becomes.
FOLLOW = "setpriv --pdeathsig KILL {python} -m hw.cables.follow {control} &\n"


def listens(tunnel: Tunnel) -> str:
    """Shell: whether the tunnel's control socket takes connections. Not asked by wg(8), which takes a socket that does
    not listen yet for a dead one and removes it; a listening one has the flag 00010000 in proc(5)."""
    return f"grep -q ' 00010000 .*/{tunnel.interface}.sock$' /proc/net/unix"


def way(tunnel: Tunnel) -> str:
    """Shell: whether a unit's first handshake would leave it; wg-voice's goes by wg-a, once that has shaken hands."""
    if tunnel is not tunnels.VOICE:
        return f"ip route get {HUB} mark {tunnel.mark or 0}"
    carrier = tunnels.WIRED
    return f"{listens(carrier)} && wg show {carrier.interface} latest-handshakes | grep -qv '[[:space:]]0$'"


async def keys(folder: Path, end: str) -> dict[str, tuple[str, str]]:
    """Interface name to (private, public) key of one end, made where they are not there yet (wg(8))."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for tunnel in tunnels.ALL:
        file = folder / f"{end}-{tunnel.interface}.key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(await run("wg", "genkey"))
        private = file.read_text().strip()
        found[tunnel.interface] = private, (await run("wg", "pubkey", given=private)).strip()
    return found


class Tunnels:
    """The tunnels of unit 1 and of the hub; `prepare` once the namespaces are there, then run the commands."""

    def __init__(self, folder: Path, names: Names, number: int = 1) -> None:
        self.folder, self.names, self.number = folder / "tunnels", names, number

    async def prepare(self) -> tuple[Command, ...]:
        """Keys, files, and all that stands in the two namespaces; the eight commands for a supervisor."""
        unit, hub = await keys(self.folder / "keys", "unit"), await keys(self.folder / "keys", "hub")
        await ip(self.names.unit, *tunnels.standing_lines(self.number))
        await ip(self.names.hub, *hub_tunnels.standing_lines())
        await run(*namespace.command(self.names.hub, "nft", "-f", "-"), given=hub_tunnels.TABLE)
        return tuple(
            command
            for tunnel in tunnels.ALL
            for command in (
                self._unit(tunnel, unit[tunnel.interface][0], hub[tunnel.interface][1]),
                self._hub(tunnel, hub[tunnel.interface][0], unit[tunnel.interface][1]),
            )
        )

    def _configured(self, end: str, tunnel: Tunnel) -> Path:
        """The file that is there once this end has its keys and peers."""
        return self.folder / f"{end}-{tunnel.interface}.configured"

    def _unit(self, tunnel: Tunnel, private: str, public: str) -> Command:
        config = tunnels.setconf(tunnel, private, [tunnels.unit_peer(tunnel, HUB, public)], listen=False)
        lines = tunnels.interface_lines(tunnel, self.number)
        ready = f"[ -e {shlex.quote(str(self._configured('hub', tunnel)))} ] && {way(tunnel)}"
        control = shlex.quote(str(self.folder / "unit-control"))
        beside = FOLLOW.format(python=shlex.quote(sys.executable), control=control) if tunnel is tunnels.DATA else ""
        return self._command("unit", self.names.unit, tunnel, config, lines, ready, beside)

    def _hub(self, tunnel: Tunnel, private: str, public: str) -> Command:
        config = hub_tunnels.configuration(tunnel, private, {self.number: public})
        return self._command("hub", self.names.hub, tunnel, config, hub_tunnels.interface_lines(tunnel))

    def _command(
        self,
        end: str,
        inside: str,
        tunnel: Tunnel,
        config: str,
        lines: Iterable[str],
        ready: str = "true",
        beside: str = "",
    ) -> Command:
        base = self.folder / f"{end}-{tunnel.interface}"
        self._configured(end, tunnel).unlink(missing_ok=True)
        base.with_suffix(".conf").touch(mode=0o600)
        base.with_suffix(".conf").write_text(config)
        base.with_suffix(".ip").write_text("\n".join(lines) + "\n")
        script = SCRIPT.format(
            interface=tunnel.interface,
            patience=PATIENCE,
            way=ready,
            listens=listens(tunnel),
            configured=shlex.quote(str(self._configured(end, tunnel))),
            beside=beside,
            control=shlex.quote(str(self.folder / f"{end}-control")),
            config=shlex.quote(str(base.with_suffix(".conf"))),
            lines=shlex.quote(str(base.with_suffix(".ip"))),
        )
        argv = namespace.command(inside, "unshare", "--mount", "sh", "-c", script)
        return Command(f"{end}-{tunnel.interface}", argv, {"WG_PROCESS_FOREGROUND": "1"})  # spares us its banner
