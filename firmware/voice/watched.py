"""The session as it is now: told what happens, and awaited by all who need it to be otherwise."""

import asyncio
import logging
from collections.abc import Callable

from firmware.clock import now_rfc3339
from firmware.voice import state
from firmware.voice.state import Event, Session

log = logging.getLogger("calls")


class WatchedSession:
    """`changed` is called with the session after each event, before those who wait for it go on."""

    def __init__(self, changed: Callable[[Session], None]) -> None:
        self.changed, self.session = changed, Session()
        self._news = asyncio.Event()

    def told(self, event: Event) -> None:
        """Takes one event in; what changed goes out at once."""
        before, self.session = self.session, state.step(self.session, event, now_rfc3339())
        self.changed(self.session)
        news, self._news = self._news, asyncio.Event()
        news.set()
        if self.session.lost_calls > before.lost_calls:
            log.error("a call was lost with the softphone", extra={"lost_calls": self.session.lost_calls})

    async def until(self, holds: Callable[[Session], bool]) -> None:
        """Returns as soon as `holds` is true of the session."""
        while not holds(self.session):
            await self._news.wait()
