"""QEMU's monitor (QMP) on a Unix socket that QEMU connects to: commands with answers, and events by name."""

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hw.board.port import Port

log = logging.getLogger("board")


class MonitorError(Exception):
    """QEMU refuses a command, or is not there."""


class Monitor:
    """`began` runs once for each machine that connects, `happened` is told each event, `ended` comes at its end."""

    def __init__(
        self, at: Path, began: Callable[[], Awaitable[None]], happened: Callable[[str], None], ended: Callable[[], None]
    ) -> None:
        self.began, self.happened, self.ended = began, happened, ended
        self.port = Port(at, self._connected, self._hear, self._gone)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._starting: asyncio.Future[None] | None = None

    async def execute(self, command: str, **arguments: object) -> Any:
        """What QEMU answers; MonitorError with its words where it refuses."""
        if not self.port.taken:
            raise MonitorError(f"board: no machine runs, so there is no {command}; start one")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.port.say(json.dumps({"execute": command, "arguments": arguments, "id": number}))
        try:
            return await answer
        finally:
            del self._asked[number]

    def _connected(self) -> None:
        self._starting = asyncio.ensure_future(self._begin())

    async def _begin(self) -> None:
        try:
            await self.execute("qmp_capabilities")
            await self.began()
        except MonitorError as error:
            log.error("%s", error)

    def _gone(self) -> None:
        if self._starting:
            self._starting.cancel()
        for answer in (each for each in self._asked.values() if not each.done()):
            answer.set_exception(MonitorError("board: the machine has ended"))
        self.ended()

    def _hear(self, line: bytes) -> None:
        message = json.loads(line)
        if "event" in message:
            self.happened(message["event"])
        answer = self._asked.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(MonitorError(f"board: QEMU says: {message['error']['desc']}"))
        else:
            answer.set_result(message["return"])
