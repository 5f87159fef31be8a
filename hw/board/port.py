"""A Unix socket that QEMU connects to: lines of text, one machine after the other."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path


class Port:
    """`began` comes when a machine connects, `hear` with each line it says, `ended` when the last that came is gone."""

    def __init__(
        self, at: Path, began: Callable[[], None], hear: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self.at, self.began, self.hear, self.ended = at, began, hear, ended
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    @property
    def taken(self) -> bool:
        """A machine is there."""
        return self._writer is not None and not self._writer.is_closing()

    async def start(self) -> None:
        self.at.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.at)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()
        self.at.unlink(missing_ok=True)

    def say(self, line: str) -> None:
        """Lost where no machine is there, as on a cable that hangs free."""
        if self._writer and not self._writer.is_closing():
            self._writer.write(line.encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.began()
        with contextlib.suppress(OSError):
            async for line in reader:
                self.hear(line)
        if self._writer is writer:
            self._writer = None
            self.ended()
        writer.close()
