"""What the hub missed: sent while the hub is there, oldest first, and sent once the hub has acknowledged it.

The number of the newest such event is kept in `sent`, now and then: after a death the hub may get an event again, never
one less.
"""

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable

import msgspec
from sdbus import SdBus

from firmware import bus, facts
from firmware.record import chain
from firmware.record.writer import Chain

MOST_EVENTS, NEWEST = 100, 500
KEEP_S = 60.0
log = logging.getLogger("recorder")


class Outbox:
    """`moved` is called whenever the hub has taken some. `newest` is filled by who writes the chain: what it no longer
    holds is read from the disk."""

    def __init__(self, on: SdBus, written: Chain, send_s: float, moved: Callable[[], None]) -> None:
        self.bus, self.chain, self.send_s, self.moved = on, written, send_s, moved
        self.file = written.folder / "sent"
        self.newest: deque[chain.Event] = deque(maxlen=NEWEST)
        self.sent_seq, self._keep_at = self._sent(), 0.0
        self.hub_there = False

    async def follow_hub(self) -> None:
        async for link in bus.follow(self.bus, "HubLink", facts.Hub):
            self.hub_there = link is not None and link.connected is True

    async def keep_hub_told(self) -> None:
        """The hub gets what it missed, oldest first, in messages of at most MOST_EVENTS lines."""
        while True:
            await asyncio.sleep(self.send_s)
            while self.hub_there and self.chain.last.seq > self.sent_seq:
                if not await self.send():
                    break

    async def send(self) -> bool:
        """False where the hub did not take it: it is tried again."""
        events = await asyncio.to_thread(self._missed)
        if not events:
            return False
        payload = msgspec.json.encode({"events": events}).decode()
        try:
            await bus.call(self.bus, "HubLink", "Publish", "ss", "event", payload)
        except bus.BusError as error:
            log.info("the hub did not take the events: %s", error)
            return False
        self.sent_seq = events[-1].seq
        self.moved()
        if time.monotonic() >= self._keep_at:
            self._keep_at = time.monotonic() + KEEP_S
            await asyncio.to_thread(self.keep)
        return True

    def _missed(self) -> list[chain.Event]:
        """The next ones for the hub: from memory, or from the disk where it has missed more than that holds."""
        newest = list(self.newest)
        if newest and newest[0].seq <= self.sent_seq + 1:
            return [each for each in newest if each.seq > self.sent_seq][:MOST_EVENTS]
        return list(itertools.islice(chain.read(self.chain.folder, after=self.sent_seq), MOST_EVENTS))

    def _sent(self) -> int:
        try:
            return int(self.file.read_text())
        except (OSError, ValueError):
            return 0

    def keep(self) -> None:
        """For the next life of this process."""
        temporary = self.file.with_suffix(".new")
        temporary.write_text(str(self.sent_seq))
        temporary.replace(self.file)
