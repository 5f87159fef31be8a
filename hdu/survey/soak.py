"""Measuring: follows the status document on the unit's bus and writes what it sees. Thin."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from firmware import bus, facts
from hdu.survey.record import Writer
from hdu.survey.sampling import Window, close, events, see, watched

if TYPE_CHECKING:
    from sdbus import SdBus

Told = Callable[[facts.Status | None, float], None]


class Soak:
    """One stretch of measuring into `writer`; `told` hears the status and the seconds measured, at each sample."""

    def __init__(self, system: "SdBus", writer: Writer, every_s: float, told: Told) -> None:
        self.bus, self.writer, self.every_s, self.told = system, writer, every_s, told
        self.window = Window(since=time.monotonic())
        self.known: dict[str, str] = {}
        self.status: facts.Status | None = None
        self.measured_s = 0.0

    async def measure(self, length_s: float) -> None:
        """Until `length_s` seconds are measured; what was seen is kept when this is cancelled."""
        follow = asyncio.create_task(self.follow())
        try:
            while self.measured_s < length_s - 1e-3:
                await asyncio.wait({follow}, timeout=min(self.every_s, length_s - self.measured_s))
                if follow.done():
                    follow.result()
                self.sample()
        finally:
            follow.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await follow

    async def follow(self) -> None:
        """Every change, as it comes; a unit that says nothing is unknown from then on."""
        async for fact in bus.follow(self.bus, "Status", facts.Document):
            self.see(msgspec.json.decode(fact.document, type=facts.Status) if fact and fact.document else None)

    def see(self, status: facts.Status | None) -> None:
        self.status, now = status, watched(status)
        self.writer.add(*events(self.known, now, time.time()))
        self.known = now or dict.fromkeys(self.known, "unknown")
        self.window = see(self.window, status) if status else Window(since=self.window.since)

    def sample(self) -> None:
        sample, self.window = close(self.window, time.time(), time.monotonic())
        if self.status is None:
            self.window = Window(since=self.window.since)
        self.writer.add(sample)
        self.measured_s += sample.covers_s
        self.told(self.status, self.measured_s)
