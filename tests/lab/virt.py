"""QEMU as labgrid's power and console: whichever machine a test puts onto the bench, with its card and its board.

labgrid's own QEMUDriver cannot be it: its command line is what the environment's file says when it is activated, and
here tests take cards and boards out and in; its console is a socket in a folder of its own, which our QEMU, entered
without rights in a root of its own, does not see; and its `off` has QEMU end in good order, which no pulled plug does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import attr
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from pexpect import EOF, TIMEOUT

from image.machine import Machine
from tests.lab import environment

M = TypeVar("M", bound=Machine)
PLACES = ("main", "beside")  # virt.yaml


@target_factory.reg_driver
@attr.s(eq=False)
class VirtDriver(ConsoleExpectMixin, Driver, PowerProtocol, ConsoleProtocol):
    """`machine` is what its plug switches on; None where the bench is empty."""

    txdelay, txchunk = 0.0, 1
    machine: Machine | None = None
    lit = False
    _heard = 0

    @Driver.check_active
    @step()
    def on(self) -> None:
        if not self.lit:
            assert self.machine, "nothing is on the bench: put() a machine there"
            self._heard = len(self.machine.console)
            self.machine.__enter__()
            self.lit = True

    @Driver.check_active
    @step()
    def off(self) -> None:
        """Nothing is flushed by the guest."""
        if self.lit and self.machine:
            self.lit = False
            self.machine.pull_the_plug()

    def cycle(self) -> None:
        self.off()
        self.on()

    def on_deactivate(self) -> None:
        self.off()

    def _read(self, size: int = 1, timeout: float = 0.0, max_size: int | None = None) -> bytes:  # noqa: ARG002
        """All that has come, however little is asked for; what the machine's own readers have read is here again."""
        assert self.machine
        goes_on = len(self.machine.console) > self._heard or self.machine.read(timeout)
        text = self.machine.console[self._heard :][: max_size or None]
        self._heard += len(text)
        if not text:
            raise TIMEOUT(f"nothing within {timeout:g} s") if goes_on else EOF("the machine has ended")
        return text.encode()

    def _write(self, data: bytes) -> int:
        assert self.machine and self.machine.process.stdin
        self.machine.process.stdin.write(data)
        self.machine.process.stdin.flush()
        return len(data)


def free() -> VirtDriver:
    """A place of the bench where nothing is switched on, active."""
    places: list[VirtDriver] = [environment.bench().get_target(name).get_driver(VirtDriver) for name in PLACES]
    return next(place for place in places if not place.lit)


@contextmanager
def plugged(machine: M) -> Iterator[M]:
    """On the bench and switched on; leaving the block pulls its plug."""
    place = free()
    place.machine = machine
    place.on()
    try:
        yield machine
    finally:
        place.off()
