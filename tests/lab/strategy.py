"""How a unit gets into a state, by its plug and its console alone: in QEMU as on a bench."""

from enum import Enum
from re import Match

import attr
from labgrid import step, target_factory
from labgrid.strategy import Strategy

from image.machine import READY
from tests.lab.guest import BOOT_S

LOADER, LOADER_S = r"hdu: slot ([AB]), (\d) tries left after this one", 120.0


class Status(Enum):
    """`loader`: it has chosen a slot. `up`: it has said that it is ready."""

    unknown, off, loader, up = range(4)


@target_factory.reg_driver
@attr.s(eq=False)
class UnitStrategy(Strategy):
    """`transition` takes a state by its name; `said` is what the unit said when it got there."""

    bindings = {"power": "PowerProtocol", "console": "ConsoleProtocol"}
    status = Status.unknown
    said: Match[bytes] | None = None

    @step(args=["status"])
    def transition(self, status: str) -> None:
        """By the states before it; what is past, and whatever follows a failure, begins at `off`."""
        wanted = Status[status]
        if wanted is Status.off or wanted.value < self.status.value or self.status is Status.unknown:
            self._off()
        while self.status is not wanted:
            self._further()

    def words(self) -> list[str]:
        """What it said, part by part."""
        return [part.decode() for part in self.said.groups()] if self.said else []

    def _off(self) -> None:
        self.status = Status.unknown
        self.target.activate(self.power)
        self.power.off()
        self.target.deactivate(self.console)
        self.status = Status.off

    def _further(self) -> None:
        before, self.status = self.status, Status.unknown
        self.status = self._loader() if before is Status.off else self._up()

    def _loader(self) -> Status:
        """The line is opened once there is power: a port that QEMU opens is not there before."""
        self.target.activate(self.power)
        self.power.on()
        self.target.activate(self.console)
        self.said = self.console.expect(LOADER, timeout=LOADER_S)[2]
        return Status.loader

    def _up(self) -> Status:
        self.said = self.console.expect(READY, timeout=BOOT_S)[2]
        self.console.expect("hdu: end of report", timeout=BOOT_S)
        return Status.up
