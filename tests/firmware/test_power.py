"""The power service as its own process on a private bus, over the battery hat's twin."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from firmware import bus, facts
from firmware.config import PowerHardware
from firmware.spool import Spool
from firmware.supply.battery import rated
from hw.power.factory import accept
from hw.power.pack import Pack
from hw.power.twin import PowerTwin

UNIT = """[folders]
data = "{0}/data"
run = "{0}/run"
[power]
power_supply_root = "{0}/power_supply"
backlight_root = "{0}/backlight"
capacity_wh = 38.0
power_off_command = ["sh", "-c", "echo power-off >> {0}/order; touch {0}/powered-off"]
restart_command = ["sh", "-c", "echo restart >> {0}/order"]
"""
SITE = "[power]\nhandover_s = 2.0\ngrace_s = 2.0\ntest_quiet_minutes = 0.0\n"


class Scene:
    """The service, its hardware, and what the bus says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.twin, self.bus = folder, PowerTwin(folder), bus.connect()
        self.seen, self.environment = facts.Power(), dict[str, str]()
        self.news = asyncio.Event()
        self.calls = bus.Export(self.bus, "Calls", facts.Call(state="idle"), self.methods())
        self.shift = bus.Export(self.bus, "Shift", facts.Shift(on=False))

    async def begin(self) -> None:
        self.service = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "firmware", "power", env=self.environment
        )

    async def end(self) -> None:
        self.service.terminate()
        await asyncio.wait_for(self.service.wait(), 10)

    async def restart(self) -> None:
        await self.end()
        await self.until(lambda power: power.state is None)
        await self.begin()
        await self.until(lambda power: power.state == "normal" and power.health_percent is not None)

    def methods(self) -> list[bus.Method]:
        return [bus.Method("Transfer", "s", ("target",), "", self.transfer)]

    async def transfer(self, _target: str) -> None:
        with (self.folder / "order").open("a") as out:
            out.write("hand-over\n")
        self.calls.set(facts.Call(state="idle"))

    async def answers(self, words: str) -> None:
        """What a battery test that is asked for is answered, once the news has come to the service."""
        said = ""
        async with asyncio.timeout(30.0):
            while not said.startswith(words):
                said = await bus.call(self.bus, "Power", "TestBattery")
                await asyncio.sleep(0.02)

    def order(self) -> list[str]:
        return (self.folder / "order").read_text().split() if (self.folder / "order").exists() else []

    async def follow(self) -> None:
        async for fact in bus.follow(self.bus, "Power", facts.Power):
            self.seen = fact or facts.Power()
            self.news.set()

    async def until(self, holds: Callable[[facts.Power], bool], bound_s: float = 30.0) -> float:
        """Seconds until the bus says so."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not holds(self.seen):
            self.news.clear()
            left = bound_s - (loop.time() - began)
            try:
                await asyncio.wait_for(self.news.wait(), max(0.01, left))
            except TimeoutError:
                raise AssertionError(f"not within {bound_s} s: {self.seen}") from None
        return loop.time() - began


@pytest.fixture
async def scene(private_bus: str, tmp_path: Path) -> AsyncIterator[Scene]:
    (tmp_path / "unit.toml").write_text(UNIT.format(tmp_path))
    (tmp_path / "site.toml").write_text(SITE)
    scene = Scene(tmp_path)
    await scene.twin.start()
    await scene.calls.own()
    await scene.shift.own()
    scene.environment = {**os.environ, "HDU_CONFIG": str(tmp_path), "DBUS_SYSTEM_BUS_ADDRESS": private_bus}
    await scene.begin()
    task = asyncio.create_task(scene.follow())
    try:
        await scene.until(lambda power: power.state == "normal")
        yield scene
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await scene.end()
        await scene.twin.close()
        scene.bus.close()


async def test_a_loss_and_a_return_are_told_within_two_seconds_and_a_flicker_only_counted(scene: Scene) -> None:
    await scene.twin.command({"mains": False})
    assert await scene.until(lambda power: power.source == "battery" and power.state == "on-battery") < 2
    await scene.twin.command({"mains": True})
    assert await scene.until(lambda power: power.source == "mains" and power.state == "normal") < 2
    await scene.twin.command({"flicker_ms": 260})
    await scene.until(lambda power: power.flickers == 1)
    assert scene.seen.source == "mains"


async def test_the_gauge_that_lies_is_doubted_and_one_above_100_is_unknown(scene: Scene) -> None:
    await scene.twin.command({"mains": False})
    await scene.until(lambda power: power.state == "on-battery" and power.minutes_left is not None)
    await scene.twin.command({"lying": True})
    await scene.until(lambda power: any("percent" in fault for fault in power.faults))
    assert scene.seen.state == "on-battery" and scene.seen.minutes_left and scene.seen.minutes_left > 60
    await scene.twin.command({"percent": 120, "lying": False})
    await scene.until(lambda power: power.percent is None and "the gauge says 120 %" in power.faults)


async def test_on_battery_the_screen_is_dimmed_and_low_tells_the_supervisor(scene: Scene) -> None:
    await scene.twin.command({"mains": False})
    await scene.until(lambda power: power.state == "on-battery")
    await until(lambda: scene.twin.state()["screen_percent"] == 20)
    await scene.twin.command({"mains": True})
    await until(lambda: scene.twin.state()["screen_percent"] == 100)
    await scene.twin.command({"percent": 11})
    await scene.until(lambda power: power.percent == 11)
    await scene.twin.command({"mains": False})
    await scene.until(lambda power: power.state in ("low", "ending"))
    spool = Spool(scene.folder / "data" / "spool")
    await until(lambda: [entry.alert.kind for entry in spool.entries()] == ["power"])


async def test_the_call_is_handed_over_before_the_power_goes(scene: Scene) -> None:
    scene.calls.set(facts.Call(state="active"))
    await scene.twin.command({"percent": 5, "mains": False})
    await scene.until(lambda power: power.stage == "off")
    await until(lambda: scene.order() == ["hand-over", "power-off"])
    await until(lambda: scene.twin.state()["powered_off"] is True)


async def test_mains_back_in_the_grace_undoes_the_stop(scene: Scene) -> None:
    await scene.twin.command({"percent": 5, "mains": False})
    await scene.until(lambda power: power.stage == "grace")
    await scene.twin.command({"mains": True})
    await scene.until(lambda power: power.state == "normal" and power.stage == "")
    assert scene.order() == []


async def test_without_the_calls_service_nothing_is_stopped_early(scene: Scene) -> None:
    scene.calls.set(replace(scene.calls.value, state=None))
    await scene.twin.command({"percent": 5, "mains": False})
    await scene.until(lambda power: power.stage in ("handing-over", "holding"))
    await scene.until(lambda power: power.stage == "holding")
    assert "power-off" not in scene.order()


async def test_a_battery_test_is_refused_on_shift_and_ends_at_once_when_mains_fails(scene: Scene) -> None:
    await scene.twin.command({"percent": 100})
    await scene.until(lambda power: power.percent == 100)
    for on, words in ((None, "not begun: nobody knows whether a shift"), (True, "not begun: a shift is on")):
        scene.shift.set(facts.Shift(on=on))
        await scene.answers(words)
    scene.shift.set(facts.Shift(on=False))
    await scene.answers("begins on power_supply")
    await scene.until(lambda power: power.test == "running" and power.current_a is not None and power.current_a > 0)
    assert (scene.seen.source, scene.seen.state, scene.twin.state()["testing"]) == ("mains", "normal", True)
    await scene.twin.command({"mains": False})
    await scene.until(lambda power: power.state == "on-battery" and power.test == "idle")
    assert scene.seen.test_ended == "mains is not there"
    await until(lambda: scene.twin.state()["testing"] is False)


async def test_a_battery_test_learns_how_long_it_lasts(scene: Scene) -> None:
    """The pack's time runs 600 times faster: what lasts four hours lasts 24 s."""
    await scene.twin.command({"percent": 100})
    await scene.until(lambda power: power.percent == 100)
    lasts = float(str(scene.twin.state()["minutes_left"]))
    await bus.call(scene.bus, "Power", "TestBattery")
    await scene.until(lambda power: power.test == "running")
    await scene.twin.command({"speed": 600})
    await scene.until(lambda power: power.tested_minutes is not None, 60.0)
    assert scene.seen.test_ended == "done" and scene.seen.health_percent is not None
    assert scene.seen.tested_minutes == pytest.approx(lasts / 600, rel=0.25)
    assert (scene.folder / "data" / "power.json").exists()


async def test_a_unit_from_the_factory_knows_its_minutes_within_seconds(scene: Scene) -> None:
    """Gauge and voltage agree that the battery is nearly empty: believed, though it comes as a jump."""
    accept(scene.folder / "data", Pack(), rated(PowerHardware()))
    await scene.restart()
    await scene.twin.command({"percent": 5, "mains": False})
    await scene.until(lambda power: power.state in ("low", "ending"))
    true = float(str(scene.twin.state()["minutes_left"]))
    assert scene.seen.minutes_at_least is not None and scene.seen.minutes_at_most is not None
    assert scene.seen.minutes_at_least <= true <= scene.seen.minutes_at_most


async def test_a_worn_battery_is_due_from_the_first_second(scene: Scene) -> None:
    accept(scene.folder / "data", Pack(capacity_wh=19.0), rated(PowerHardware()), "2026-03-01T10:00:00.000Z")
    await scene.restart()
    assert (scene.seen.replace, scene.seen.replace_by) == (True, "2026-03-01")
    assert scene.seen.health_percent is not None and 45 < scene.seen.health_percent < 55


async def until(holds: Callable[[], bool], bound_s: float = 30.0) -> None:
    ends = asyncio.get_running_loop().time() + bound_s
    while not holds():
        assert asyncio.get_running_loop().time() < ends, f"not within {bound_s} s"
        await asyncio.sleep(0.02)
