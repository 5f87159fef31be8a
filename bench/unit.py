"""The unit on the bench: its configuration on twins, and its programs."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.processes import Program, inside, python
from bench.releasing import PORT
from firmware.configfile import seal
from firmware.failover.firewall import ruleset
from firmware.failover.tunnels import ALL, DATA, VOICE
from hw.cables import namespace
from hw.cables.namespace import udp_socket
from hw.cables.networkmanager import Command, NetworkManager, UnitBus
from hw.cables.topology import HUB, LINES, OTHERS, Names, run
from hw.cables.tunnels import Tunnels

NAME = "hdu-0001"
SERVICES = (
    *("panel", "panel-standby", "alerts", "hublink", "panelbus", "status", "readiness", "uplinks"),
    *("power", "modem", "headset", "calls", "recorder", "updates"),
)
TEMPLATES = Path(__file__).parent / "config"


class BenchUnit:
    """Files and programs of the unit; `folder` is on a real disk, so that what it fsyncs is really synced."""

    def __init__(self, folder: Path, names: Names, headset: Mapping[str, str]) -> None:
        self.folder, self.names = folder, names
        self.bus = UnitBus(folder)
        self.networkmanager = NetworkManager(folder, names.unit, self.bus)
        self.tunnels = Tunnels(folder, names)
        self.probing_key = folder / "config" / "probe.key"
        self.environment = {
            "HDU_CONFIG": str(folder / "config"),
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "HDU_PANEL_TWIN": str(folder / "panel" / "panel.sock"),
            **headset,
        }

    def configure(self, tls: Path, probing_key: str, trial_s: float = 300.0) -> None:
        """Writes site.toml and unit.toml from the templates, and the keys that provisioning would bring."""
        for part in ("config", "data", "run"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        values = {
            "name": NAME,
            "folder": str(self.folder),
            "tls": str(tls),
            "hub": HUB,
            "hub_inner": DATA.hub(),
            "sip": VOICE.hub(),
            "listen": VOICE.unit(1),
            "updates_port": str(PORT),
            "trial_s": f"{trial_s:g}",
            "others": ", ".join(f'"{other}"' for other in OTHERS),
        }
        for file in ("site.toml", "unit.toml"):
            text = (TEMPLATES / file).read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            (self.folder / "config" / file).write_bytes(seal(text.encode()))
        self.probing_key.touch(mode=0o600)
        self.probing_key.write_text(probing_key)

    def system_bus(self) -> Program:
        return self._program(self.bus.prepare(), self.bus.socket.exists)

    async def close_to_strangers(self) -> None:
        """As the image does at boot: nothing on an uplink answers but what the unit began."""
        rules = ruleset([line.interface for line in LINES])
        await run(*namespace.command(self.names.unit, "nft", "-f", "-"), given=rules)

    def network(self) -> Iterator[Program]:
        """NetworkManager; a unit whose links it has not taken yet is no reason to wait."""
        yield self._program(self.networkmanager.prepare(), lambda: True)

    async def tunnel_ends(self) -> list[Program]:
        """Both ends of every tunnel; an end is ready when its address can be bound."""
        return [self._program(command, self._has_address(command.name)) for command in await self.tunnels.prepare()]

    def _has_address(self, end: str) -> Callable[[], bool]:
        side, _, interface = end.partition("-")
        tunnel = next(each for each in ALL if each.interface == interface)
        inside_of, address = (self.names.hub, tunnel.hub()) if side == "hub" else (self.names.unit, tunnel.unit(1))
        return lambda: bindable(inside_of, address)

    def services(self) -> Iterator[Program]:
        for name in SERVICES:
            module = name.removesuffix("-standby")
            yield Program(name, inside(self.names.unit, python("firmware", module)), self.environment)

    def _program(self, command: Command, ready: Callable[[], bool]) -> Program:
        return Program(command.name, command.argv, {**self.environment, **command.environment}, ready)

    def export_environment(self, file: Path) -> None:
        """For the `hdu` command on the host (`. .run/PORT/environment`), and for this process."""
        lines = [f"export {name}='{value}'\n" for name, value in self.environment.items()]
        file.write_text("".join(lines))
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address


def bindable(name: str, address: str) -> bool:
    """Whether `address` is there in the namespace."""
    try:
        udp_socket(name, (address, 0)).close()
    except OSError:
        return False
    return True
