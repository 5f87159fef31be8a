"""Power: mains, battery, minutes left, and how the unit stops when they end. Bus name org.homedispatch.Power.

On battery the fact itself asks the others to save: whatever is not voice waits while `state` is not `normal`.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.service import Unit, run
from firmware.supply import age, battery, battery_test, minutes
from firmware.supply import core as power_core
from firmware.supply import memory as power_memory
from firmware.supply.actions import Actions
from firmware.supply.fact import steady, told
from firmware.supply.mains import source
from firmware.supply.sources import Sources

STILL_S = 2.0
log = logging.getLogger("power")


class Power:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.policy = unit, unit.config.site.power
        self.file = Path(unit.config.unit.folders.data) / "power.json"
        self.memory = power_memory.load(self.file)
        self.rating = battery.rated(unit.config.unit.power)
        self.core = power_core.Core(estimate=minutes.Estimate(voltage_right=self.memory.voltage_right))
        self.test, self.recording = battery_test.Test(), battery_test.Recording()
        self.charged_v: float | None = None
        self.said, self.looked_at = facts.PowerReading(source=""), float("-inf")
        self.call: bool | None = None
        self.transferred: bool | None = None
        self.quiet_since, self.shift = time.monotonic(), facts.Shift()
        self.sources = Sources(unit.config.unit.power, self.look)
        self.actions = Actions(unit, self.was_transferred)
        methods = [
            bus.Method("TestBattery", "", (), "s", self.ask_test),
            bus.Method("StopTest", "", (), "", self.stop_test),
        ]
        self.export = bus.Export(unit.bus, "Power", facts.Power(), methods)

    @property
    def battery(self) -> battery.Battery:
        return self.memory.battery or self.rating

    # What others ask.

    async def ask_test(self) -> str:
        """Begins a battery test, or says in words why not."""
        said, why = self.believed(time.monotonic())
        day = self.day(time.monotonic())
        hindered = battery_test.obstacle(said, self.core.mains.told, day) or battery_test.ready(said, day, self.policy)
        if not hindered:
            self.test = battery_test.Test(asked=True)
        return f"not begun: {hindered}" if hindered else f"begins on {said.source} ({why})"

    async def stop_test(self) -> None:
        if self.test.running_since is not None:
            self.order("stop", "stopped by a person")

    # What is read.

    def look(self) -> None:
        """Takes the newest readings through the core, announces what is known and starts what was decided."""
        now = time.monotonic()
        said, why = self.believed(now)
        if self.still(said, now):
            return
        self.said, self.looked_at = said, now
        around = power_core.Around(call=self.call, transferred=self.transferred)
        self.core, actions = power_core.advance(self.core, self.battery, said, around, self.policy, now)
        if "hand-over" in actions:
            self.transferred = None
        self.actions.ask(*actions)
        self.discharge(said, now)
        self.announce(said, why)

    def still(self, said: facts.PowerReading, now: float) -> bool:
        """Whether nothing has changed and nothing is awaited: most readings of a unit on mains are like that."""
        if self.core.mains.told is not self.core.mains.seen or self.core.policy.stage or self.test.asked:
            return False
        on_mains = self.core.policy.state == "normal" and self.test.running_since is None
        return said == self.said and now - self.looked_at < (STILL_S if on_mains else power_core.ESTIMATE_S)

    def believed(self, now: float) -> tuple[facts.PowerReading, str]:
        said, why = power_core.believed(self.sources.readings, self.sources.ages_s(now))
        return said or facts.PowerReading(source=""), why

    def was_transferred(self, done: bool) -> None:
        self.transferred = done

    async def follow_calls(self) -> None:
        async for call in bus.follow(self.unit.bus, "Calls", facts.Call):
            before = self.call
            self.call = None if call is None or call.state is None else call.state != "idle"
            if before is True or self.call is not False:
                self.quiet_since = time.monotonic()
            self.looked_at = float("-inf")

    async def follow_shift(self) -> None:
        async for shift in bus.follow(self.unit.bus, "Shift", facts.Shift):
            self.shift = shift or facts.Shift()
            self.looked_at = float("-inf")

    # The battery test and what a discharge teaches.

    def day(self, now: float) -> battery_test.Day:
        clock = datetime.now(UTC)
        tested = datetime.fromisoformat(self.memory.tested_at) if self.memory.tested_at else None
        return battery_test.Day(
            hour_utc=clock.hour,
            days_since=(clock - tested).total_seconds() / 86_400 if tested else None,
            quiet_s=now - self.quiet_since,
            call=self.call,
            on_shift=self.shift.on,
        )

    def discharge(self, said: facts.PowerReading, now: float) -> None:
        """Writes a discharge down while it lasts, learns from it when it is over, and steps the test."""
        draining = said.mains is False or said.testing is True
        if draining and now - (self.recording.at or 0.0) >= power_core.ESTIMATE_S:
            self.recording = battery_test.record(self.recording, said, self.battery.load_w, now)
        elif not draining:
            if self.recording.samples:
                self.learn()
            self.recording = battery_test.Recording()
            self.charged_v = battery.charged(said.percent, said.voltage_v, said.current_a, self.rating) or (
                self.charged_v if said.percent is not None and said.percent >= battery_test.CHARGED_PERCENT else None
            )
        self.test, order = battery_test.decide(
            self.test, said, self.core.mains.told, self.day(now), self.rating, self.policy, now
        )
        if order is not None:
            self.order(order, self.test.ended)

    def order(self, order: battery_test.Order, why: str) -> None:
        if order == "stop":
            self.test = battery_test.Test(ended=why)
        log.info("battery test", extra={"order": order, "why": why})
        self.unit.group.create_task(self.tell_hardware(order == "start"))

    async def tell_hardware(self, on: bool) -> None:
        try:
            await self.sources.test(self.believed(time.monotonic())[0].source, on)
        except (OSError, KeyError) as error:
            log.error("battery test: %s", error)
            self.test = battery_test.Test(ended=str(error))

    def learn(self) -> None:
        known = battery.learn(self.rating, self.recording.samples, self.charged_v, now_rfc3339())
        if known is None or self.recording.samples[0].percent < battery_test.CHARGED_PERCENT:
            return
        log.info(
            "battery learned", extra={"capacity_wh": round(known.capacity_wh, 1), "load_w": round(known.load_w, 1)}
        )
        health = battery.health_percent(known, self.rating)
        found = age.Tested(at=known.learned_at, percent=round(health or 0.0, 1))
        self.remember(
            battery=known,
            tested_at=known.learned_at,
            tested_minutes=round(60 * known.capacity_wh / known.load_w, 1),
            tests=age.added(self.memory.tests, found),
        )

    def remember(self, **changed: object) -> None:
        self.memory = msgspec.structs.replace(self.memory, **changed)
        try:
            power_memory.keep(self.file, self.memory)
        except OSError as error:
            log.error("%s cannot be written: %s; free the disk", self.file, error.strerror)

    # What is announced.

    def announce(self, said: facts.PowerReading, why: str) -> None:
        right = self.core.estimate.voltage_right
        if right is not None and right != self.memory.voltage_right:
            self.remember(voltage_right=right)
        known, health = self.core.known, battery.health_percent(self.battery, self.rating)
        only = () if health is None else (age.Tested(at=self.memory.tested_at, percent=health),)
        by = age.replace_by(self.memory.tests or only, self.policy.replace_below_percent)
        lines = power_core.disagreements(self.sources.readings, said if said.source else None)
        now = told(said, self.core, known, lines + tuple(self.actions.faults.values()))
        now = msgspec.structs.replace(
            now,
            source=source(self.core.mains.told),
            why=why,
            test="idle" if self.test.running_since is None else "running",
            test_ended=self.test.ended,
            tested_at=self.memory.tested_at,
            tested_minutes=self.memory.tested_minutes,
            health_percent=None if health is None else round(health, 1),
            replace=age.due(by, health is not None, datetime.now(UTC).date()),
            replace_by="" if by is None else by.isoformat(),
        )
        now = steady(self.export.value, now)
        if now != self.export.value:
            self.export.set(now)


async def body(unit: Unit) -> None:
    power = Power(unit)
    await power.export.own()
    for name in unit.config.unit.power.sources:
        unit.group.create_task(power.sources.forever(name), name=name)
    unit.group.create_task(power.actions.forever(), name="actions")
    unit.group.create_task(power.follow_calls(), name="calls")
    unit.group.create_task(power.follow_shift(), name="shift")
    unit.ready()
    try:
        await asyncio.Event().wait()
    finally:
        power.sources.close()


if __name__ == "__main__":
    run(body)
