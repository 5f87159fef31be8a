"""The GPIO lines of QEMU's `virt` machine, a PL061: inputs are driven and outputs are heard below any driver.

By QEMU's qtest protocol, which stands beside the running machine and touches nothing but these lines: `set_irq_in`
drives one, and after `irq_intercept_out` each change of an output is told as `IRQ raise N` or `IRQ lower N`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from hw.board.port import Port
from hw.panel.pins import pins

GPIOS = tuple(each.gpio for each in pins().wired().values())
"""By line of the PL061; image/boot/boot.cmd gives the lines these names."""


class Lines:
    """`switched` is told each output, by its GPIO, as it goes high or low."""

    def __init__(self, at: Path, switched: Callable[[int, bool], None]) -> None:
        self.switched, self._controller, self._there = switched, "", asyncio.Event()
        self.port = Port(at, self._there.set, self._hear, self._there.clear)

    async def solder(self, controller: str) -> None:
        """To the controller at this place in QEMU's tree, of a machine that has just begun."""
        await self._there.wait()
        self._controller = controller
        self.port.say(f"irq_intercept_out {controller}")

    def drive(self, gpio: int, high: bool) -> None:
        self.port.say(f"set_irq_in {self._controller} unnamed-gpio-in {GPIOS.index(gpio)} {int(high)}")

    def _hear(self, line: bytes) -> None:
        words = line.split()
        if len(words) == 3 and words[0] == b"IRQ" and int(words[2]) < len(GPIOS):
            self.switched(GPIOS[int(words[2])], words[1] == b"raise")
