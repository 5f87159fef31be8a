"""The GPIO lines of QEMU's `virt` machine, a PL061: inputs are driven and outputs are heard below any driver.

By QEMU's qtest protocol, which stands beside the running machine and touches nothing but these lines: `set_irq_in`
drives one, and after `irq_intercept_out` each change of an output is told as `IRQ raise N` or `IRQ lower N`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from hw.panel.pins import pins

GPIOS = tuple(each.gpio for each in pins().wired().values())
"""By line of the PL061; image/boot/boot.cmd gives the lines these names."""


class Lines:
    """`switched` is told each output, by its GPIO, as it goes high or low."""

    def __init__(self, at: Path, switched: Callable[[int, bool], None]) -> None:
        self.at, self.switched = at, switched
        self._controller = ""
        self._there = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self.at.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.at)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()
        self.at.unlink(missing_ok=True)

    async def solder(self, controller: str) -> None:
        """To the controller at this place in QEMU's tree, of a machine that has just begun."""
        await self._there.wait()
        self._controller = controller
        self._say(f"irq_intercept_out {controller}")

    def drive(self, gpio: int, high: bool) -> None:
        self._say(f"set_irq_in {self._controller} unnamed-gpio-in {GPIOS.index(gpio)} {int(high)}")

    def _say(self, line: str) -> None:
        if self._writer and not self._writer.is_closing():
            self._writer.write(line.encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._there.set()
        with contextlib.suppress(OSError):
            async for line in reader:
                self._hear(line.split())
        if self._writer is writer:
            self._there.clear()
        writer.close()

    def _hear(self, words: list[bytes]) -> None:
        if len(words) == 3 and words[0] == b"IRQ" and int(words[2]) < len(GPIOS):
            self.switched(GPIOS[int(words[2])], words[1] == b"raise")
