"""The unit as seen from its own bus: its status document, and the methods a dispatcher's screen calls."""

import asyncio
import logging
from typing import Any

import msgspec

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.release.version import RELEASE

RETRY_S = 0.5
PING_S = 1.0
log = logging.getLogger("bench")


class UnitView:
    """Follows `org.homedispatch.Status`; comes back by itself when the bus does."""

    def __init__(self, name: str) -> None:
        self.name, self.known = name, facts.Document()
        self._bus: Any = None

    async def document(self) -> str:
        """The status document as JSON; all unknown while the status service is away."""
        if self.known.document:
            return self.known.document
        empty = facts.Status(unit=self.name, version=RELEASE, slot=None, at=now_rfc3339())
        return msgspec.json.encode(empty).decode()

    async def call(self, service: str, method: str, signature: str = "", *arguments: Any) -> Any:
        """ConnectionError where the service is away or refuses."""
        try:
            return await bus.call(self._bus, service, method, signature, *arguments)
        except bus.BusError as error:
            raise ConnectionError(str(error)) from error

    async def follow(self) -> None:
        """For ever."""
        while True:
            try:
                self._bus = bus.connect()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep_pinging())
                    group.create_task(self._follow_once())
            except* bus.BusError as error:
                log.info("%s", error.exceptions[0])
            self.known = facts.Document()
            await asyncio.sleep(RETRY_S)

    async def _keep_pinging(self) -> None:
        while True:
            await bus.ping(self._bus)
            await asyncio.sleep(PING_S)

    async def _follow_once(self) -> None:
        async for fact in bus.follow(self._bus, "Status", facts.Document):
            self.known = fact or facts.Document()
