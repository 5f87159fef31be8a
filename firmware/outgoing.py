"""What a unit sends to the hub by itself: the status document, retained, and what happened, each until it is there."""

import asyncio
import contextlib
import logging
import time
from collections import deque

import msgspec

from firmware import tidings
from firmware.config import StatusPolicy
from firmware.drivers import mqtt
from firmware.facts import Status

EVENTS_KEPT = 1000
EVENT = "event"
log = logging.getLogger("hublink")


class Outgoing:
    """Kept over any number of connections; `timeout_s` is how long the hub may take to acknowledge."""

    def __init__(self, policy: StatusPolicy, timeout_s: float) -> None:
        self.policy, self.timeout_s = policy, timeout_s
        self.document, self._sent_at = "", 0.0
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self._news, self._eventful = asyncio.Event(), asyncio.Event()

    def stands(self, document: str) -> None:
        """The status document as it is now; empty where there is none."""
        self.document = document
        self._news.set()

    async def send_status(self, link: mqtt.Link) -> None:
        """The status document, retained: what matters at once, the rest as the uplink allows, all at each interval."""
        sent: Status | None = None
        while True:
            self._news.clear()
            now = _status_in(self.document)
            due_s = self._due_s(sent, now) - time.monotonic()
            if now and due_s <= 0:
                payload, sent = self.document.encode(), now
                await link.publish("status", payload, retain=True, timeout_s=self.timeout_s)
                self._sent_at = time.monotonic()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due_s if now else None):
                    await self._news.wait()

    def _due_s(self, sent: Status | None, now: Status | None) -> float:
        """When the document `now` goes out, after `sent` went out at `self._sent_at` (monotonic)."""
        same = now is None or now == sent
        return self._sent_at + (self.policy.interval_s if same else tidings.wait_s(sent, now, self.policy))

    async def send_events(self, link: mqtt.Link) -> None:
        """What happened, oldest first, each until the broker has it; for ever."""
        while True:
            await self._eventful.wait()
            while self.events:
                event = self.events[0].encode()
                await link.publish(EVENT, event, retain=False, timeout_s=self.timeout_s)
                self.events.popleft()
            self._eventful.clear()

    def happened(self, event: str) -> None:
        """One event as JSON, kept until the hub has it."""
        self.events.append(event)
        self._eventful.set()


def _status_in(document: str) -> Status | None:
    """The status in what the status service says; None where there is none, or it is refused."""
    try:
        return msgspec.json.decode(document, type=Status) if document else None
    except msgspec.DecodeError as error:
        log.error("status refused: %s", error)
        return None
