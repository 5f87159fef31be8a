"""The readiness service: the verdict of all checks, as `org.homedispatch.Readiness`; beside it the clock's
error, `org.homedispatch.SelfTest`, `org.homedispatch.Acceptance` and `org.homedispatch.Shift`."""

import asyncio
import contextlib
import logging
import time

import msgspec

from firmware import bus, facts, pulse
from firmware.acceptance.desk import Desk as AcceptanceDesk
from firmware.drivers import kernel_clock
from firmware.selftests.desk import Desk
from firmware.service import Unit, run
from firmware.shift import Shift
from firmware.verdict import State, decide

CLOCK_EVERY_S = 10.0
log = logging.getLogger("readiness")


class ReadinessService:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.status: facts.Status | None = None
        self.hangs = False
        self.news = asyncio.Event()
        self.export = bus.Export(unit.bus, "Readiness", facts.Readiness(colour="red"))
        self.clock = bus.Export(unit.bus, "Clock", facts.Clock())

    async def follow(self) -> None:
        async for fact in bus.follow(self.unit.bus, "Status", facts.Document):
            self.status = self.read(fact.document) if fact else None
            self.news.set()

    async def follow_pulse(self) -> None:
        """A status that hangs would hold the verdict where it is."""
        async for silent in pulse.silent(self.unit.bus, ("Status",)):
            self.hangs = bool(silent)
            self.news.set()

    def read(self, document: str) -> facts.Status | None:
        """The status document; None, which is red, where it is torn."""
        try:
            return msgspec.json.decode(document, type=facts.Status)
        except msgspec.DecodeError as error:
            log.error("status refused: %s", error)
            return None

    async def judge(self) -> None:
        """The verdict at each change of the facts and when a reason has stayed away long enough; for ever."""
        state = State()
        while True:
            self.news.clear()
            again: float | None = None
            if self.status is None or self.hangs:
                self.export.set(facts.Readiness(colour="red", reasons=("This unit does not know its own state.",)))
            else:
                state, verdict, again = decide(state, self.status, time.monotonic())
                self.export.set(verdict)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if again is None else max(0, again - time.monotonic())):
                    await self.news.wait()

    async def read_clock(self) -> None:
        while True:
            self.clock.set(facts.Clock(error_ms=kernel_clock.error_ms()))
            await asyncio.sleep(CLOCK_EVERY_S)


async def body(unit: Unit) -> None:
    service = ReadinessService(unit)
    await service.export.own()
    await service.clock.own()
    desk = Desk(unit)
    await desk.export.own()
    await AcceptanceDesk(unit, desk).export.own()
    shift = Shift(unit)
    shift.begin()
    await shift.export.own()
    tasks = (service.follow, service.follow_pulse, service.judge, service.read_clock, desk.follow_panel, shift.keep)
    for task in tasks:
        unit.group.create_task(task(), name=task.__name__)
    unit.ready()


if __name__ == "__main__":
    run(body)
