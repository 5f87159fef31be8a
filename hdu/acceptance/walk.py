"""The walk: asks, follows the unit over its bus, and writes down what was measured. Thin."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from firmware import bus, facts
from hdu.acceptance.report import Finding
from hdu.acceptance.steps import Seen, Step

if TYPE_CHECKING:
    from sdbus import SdBus

FIRST_S = 10.0
Told = Callable[[Step], None]


class Unit:
    """What the unit measures, as it changes."""

    def __init__(self, system: "SdBus") -> None:
        self.bus = system
        self.status: facts.Status | None = None
        self.open_alerts: int | None = None
        self.changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """TimeoutError where the unit says nothing."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._status()), group.create_task(self._alerts())]
            try:
                async with asyncio.timeout(FIRST_S):
                    while self.status is None or self.open_alerts is None:
                        await self.changed.wait()
                        self.changed.clear()
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _status(self) -> None:
        async for fact in bus.follow(self.bus, "Status", facts.Document):
            if fact and fact.document:
                self.status = msgspec.json.decode(fact.document, type=facts.Status)
                self.changed.set()

    async def _alerts(self) -> None:
        async for fact in bus.follow(self.bus, "Alerts", facts.Alerts):
            self.open_alerts = fact.open_alerts if fact else None
            self.changed.set()

    def seen(self) -> Seen:
        assert self.status is not None  # `followed` has waited for it
        return Seen(self.status, self.open_alerts)


async def walk(
    unit: Unit, steps: Iterable[Step], patience_s: float, asked: Told, found: Callable[[Finding], None]
) -> None:
    """Every step in turn, each given `patience_s`; what was not measured by then has failed, and the walk goes on."""
    for step in steps:
        found(await _one(unit, step, patience_s, asked))


async def _one(unit: Unit, step: Step, patience_s: float, asked: Told) -> Finding:
    before, began = unit.seen(), time.monotonic()
    if not (step.may_hold and step.done(before, before)):
        asked(step)
    try:
        async with asyncio.timeout(patience_s):
            while not step.done(before, unit.seen()):
                unit.changed.clear()
                await unit.changed.wait()
    except TimeoutError:
        words = f"not measured within {patience_s:.0f} s of: {step.ask}"
        return Finding(step.key, "failed", words, round(time.monotonic() - began, 2))
    return Finding(step.key, "passed", step.found(unit.seen()), round(time.monotonic() - began, 2))
