"""The panel's twin at the lines of a machine: where its pin factory is on the bench, here are the board's own lines."""

import asyncio
import contextlib
import json
from pathlib import Path

from hw.board.lines import Lines

BOUNCES_S = 0.05
"""Edges told together are this near to each other at most: one movement of a finger, its bounces kept apart."""


class Solder:
    """Connects the twin listening at `panel` (hw/panel/twin.py has the wire) with `lines`, while a machine runs.

    A contact closes its line to ground, and a resistor pulls it up where it is open.
    """

    def __init__(self, panel: Path, lines: Lines) -> None:
        self.panel, self.lines = panel, lines
        self._writer: asyncio.StreamWriter | None = None
        self._following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self.panel)
        self._levels(json.loads(await reader.readline())["levels"])
        self._following = asyncio.create_task(self._follow(reader))

    def cut(self) -> None:
        """The machine is gone: its outputs float, and the lamps are dark."""
        if self._following:
            self._following.cancel()
        if self._writer:
            self._writer.close()

    def read(self) -> None:
        """Every contact drives its line anew: a reset of the controller forgets what it was driven to."""
        self._tell({"read": 1})

    def lit(self, gpio: int, lit: bool) -> None:
        self._tell({"gpio": gpio, "lit": lit})

    def _tell(self, message: dict[str, object]) -> None:
        if self._writer and not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        last = 0.0
        with contextlib.suppress(OSError):
            async for line in reader:
                message = json.loads(line)
                if "levels" in message:
                    self._levels(message["levels"])
                    continue
                await asyncio.sleep(message["at"] - last if 0 < message["at"] - last < BOUNCES_S else 0)
                last = message["at"]
                self.lines.drive(message["gpio"], not message["closed"])

    def _levels(self, levels: dict[str, bool]) -> None:
        for gpio, closed in levels.items():
            self.lines.drive(int(gpio), not closed)
