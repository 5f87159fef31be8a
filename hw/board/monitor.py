"""QEMU's monitor (QMP) on a Unix socket that QEMU connects to: commands with answers, and events by name."""

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

log = logging.getLogger("board")


class MonitorError(Exception):
    """QEMU refuses a command, or is not there."""


class Monitor:
    """`began` runs once for each machine that connects, `happened` is told each event, `ended` comes at its end."""

    def __init__(
        self, at: Path, began: Callable[[], Awaitable[None]], happened: Callable[[str], None], ended: Callable[[], None]
    ) -> None:
        self.at, self.began, self.happened, self.ended = at, began, happened, ended
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
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

    async def execute(self, command: str, **arguments: object) -> Any:
        """What QEMU answers; MonitorError with its words where it refuses."""
        if self._writer is None:
            raise MonitorError(f"board: no machine runs, so there is no {command}; start one")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"execute": command, "arguments": arguments, "id": number}).encode() + b"\n")
        try:
            return await answer
        finally:
            del self._asked[number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        starting = asyncio.ensure_future(self._begin())
        with contextlib.suppress(OSError):
            async for line in reader:
                self._hear(json.loads(line))
        if self._writer is writer:
            self._end()
        starting.cancel()
        writer.close()

    async def _begin(self) -> None:
        try:
            await self.execute("qmp_capabilities")
            await self.began()
        except MonitorError as error:
            log.error("%s", error)

    def _end(self) -> None:
        self._writer = None
        for answer in self._asked.values():
            answer.set_exception(MonitorError("board: the machine has ended"))
        self.ended()

    def _hear(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self.happened(message["event"])
        answer = self._asked.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(MonitorError(f"board: QEMU says: {message['error']['desc']}"))
        else:
            answer.set_result(message["return"])
