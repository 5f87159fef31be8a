"""The unit on the bench: its configuration on twins, and its programs."""

from collections.abc import Iterable
from pathlib import Path

from bench.processes import Program, inside, python
from hw.cables.networkmanager import Command, NetworkManager, UnitBus
from hw.cables.topology import HUB, Names

NAME = "hdu-0001"
SERVICES = ("status", "alerts", "hublink", "panelbus", "readiness", "power")
SITE = """# The agency's settings on the bench: only what differs from the defaults.
[hub]
host = "{hub}"
"""
UNIT = """# This unit on twins.
name = "{name}"

[panel]
pin_factory = "hdu_twin"

[power]
power_supply_root = "{folder}/power/power_supply"

[certificates]
authority = "{tls}/ca.pem"
certificate = "{tls}/unit.pem"
key = "{tls}/unit.key"

[folders]
data = "{folder}/data"
run = "{folder}/run"

[[uplinks]]
name = "wired"
kind = "ethernet"
interface = "wan0"

[[uplinks]]
name = "wired2"
kind = "ethernet"
interface = "wan1"

[[uplinks]]
name = "lte"
kind = "lte"
interface = "lte0"
"""


class BenchUnit:
    """Files and programs of the unit; `folder` is on a real disk, so that what it fsyncs is really synced."""

    def __init__(self, folder: Path, names: Names) -> None:
        self.folder, self.names = folder, names
        self.bus = UnitBus(folder)
        self.networkmanager = NetworkManager(folder, names.unit, self.bus)
        self.environment = {
            "HDU_CONFIG": str(folder / "config"),
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "HDU_PANEL_TWIN": str(folder / "panel" / "panel.sock"),
            "PYTHONUNBUFFERED": "1",
        }

    def configure(self, tls: Path) -> None:
        for part in ("config", "data", "run"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "config" / "site.toml").write_text(SITE.format(hub=HUB))
        (self.folder / "config" / "unit.toml").write_text(UNIT.format(name=NAME, folder=self.folder, tls=tls))

    def system(self) -> tuple[Program, Program]:
        """The bus and NetworkManager, in this order."""
        bus, manager = self.bus.prepare(), self.networkmanager.prepare()
        return self._program(bus, self.bus.socket.exists), self._program(manager, self._manager_is_up)

    def services(self) -> Iterable[Program]:
        for name in [s for s in ("panel", *SERVICES) if Path(f"firmware/{s}.py").exists()]:
            yield Program(name, inside(self.names.unit, python(f"firmware.{name}")), self.environment)

    def _program(self, command: Command, ready: object) -> Program:
        environment = {**command.environment, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        return Program(command.name, command.argv, environment, ready)  # type: ignore[arg-type]

    def _manager_is_up(self) -> bool:
        return True
