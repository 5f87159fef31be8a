"""The walk: asks, follows the unit over its bus, and tells what was measured. Thin."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from firmware import bus, facts
from firmware.acceptance.finding import Finding
from firmware.acceptance.order import Seen, disturbed
from firmware.acceptance.steps import Step

if TYPE_CHECKING:
    from sdbus import SdBus

FIRST_S, START_S, LONGEST_S = 10.0, 60.0, 2 * 3600.0
Told = Callable[[Step, bool], None]
"""Which step it is, and whether the technician has to do what it asks."""


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

    async def started(self) -> None:
        """Returns once it knows its own state, or after START_S: who has just been switched on is not tested yet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while self.seen().status.readiness.safe is None:
                    self.changed.clear()
                    await self.changed.wait()

    def seen(self) -> Seen:
        assert self.status is not None  # `followed` has waited for it
        return Seen(self.status, self.open_alerts)


class Interrupted(Exception):
    """Somebody needs the unit; the message says for what."""


async def walk(
    unit: Unit, steps: Iterable[Step], patience_s: float, asked: Told, found: Callable[[Finding], None]
) -> None:
    """Every step in turn, each given `patience_s`; what was not measured by then has failed, and the walk goes on.

    It ends LONGEST_S after it began at the latest, and at once where the unit is needed for a call or a shift.
    """
    ends_at = time.monotonic() + LONGEST_S
    for step in steps:
        try:
            found(await _one(unit, step, min(patience_s, ends_at - time.monotonic()), asked))
        except Interrupted as error:
            found(Finding(step.key, "failed", f"the walk ended here: {error}; begin again"))
            return


async def _one(unit: Unit, step: Step, patience_s: float, asked: Told) -> Finding:
    before, began = unit.seen(), time.monotonic()
    asked(step, not (step.may_hold and step.done(before, before)))
    try:
        async with asyncio.timeout(max(0.0, patience_s)):
            await _until_done(unit, step, before)
    except TimeoutError:
        words = f"not measured within {max(0.0, patience_s):.0f} s of: {step.ask}"
        return Finding(step.key, "failed", words, round(time.monotonic() - began, 2))
    return Finding(step.key, "passed", step.found(unit.seen()), round(time.monotonic() - began, 2))


async def _until_done(unit: Unit, step: Step, before: Seen) -> None:
    while True:
        unit.changed.clear()
        if words := disturbed(unit.seen().status):
            raise Interrupted(words)
        if step.done(before, unit.seen()):
            return
        await unit.changed.wait()
