"""From the spool to a person and back, on real parts: the services, the bus, the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware import bus, facts
from firmware.spool import Spool
from tests.firmware.conftest import UNIT, Console, Followed, configure
from tests.firmware.service_scene import eventually, running
from tests.hub.conftest import Broker

FIRST, SECOND = "01M827DZYKHC188F8QSC3S5GF3", "01M827DZYKHC188F8QSC3S5GF4"
MANY = [f"01M827DZYKHC188F8QSC3S5G{number:02}" for number in range(20)]


class Scene:
    """A unit without a panel: what a panel would put into the spool is put there by the test."""

    def __init__(self, folder: Path, broker: Broker, console: Console) -> None:
        self.folder, self.broker, self.console = folder, broker, console
        self.spool = Spool(folder / "data" / "spool", 65_536)

    def press(self, id: str = FIRST, unit: str = UNIT) -> None:
        self.spool.put(facts.Alert(id=id, unit=unit, kind="panic", raised_at="2026-11-22T10:00:00.000Z"))

    async def delivered(self, id: str = FIRST) -> dict[str, Any]:
        """The alert as the hub has it, once the unit knows that the hub has it."""
        await eventually(lambda: (self.spool.folder / f"{id}.delivered").exists(), f"{id} is marked as delivered")
        await eventually(lambda: f"alert/{id}" in self.console.held, f"the hub holds {id}")
        found: dict[str, Any] = msgspec.json.decode(self.console.held[f"alert/{id}"])
        return found

    async def answer(self, id: str = FIRST, by: str = "Kim") -> None:
        answer = facts.Acknowledgement(id=id, by=by, at="2026-11-22T10:00:01.000Z")
        await self.console.say(f"ack/{id}", msgspec.json.encode(answer))

    def answered_by(self, id: str = FIRST) -> str | None:
        entry = self.spool.entry(id)
        return entry.acknowledged.by if entry and entry.acknowledged else None

    def sent(self, id: str = FIRST) -> int:
        """How often the hub was given the alert."""
        return sum(payload != b"" for payload in self.console.heard(f"alert/{id}"))


@pytest.fixture
async def scene(tmp_path: Path, broker: Broker, console: Console, private_bus: str) -> AsyncIterator[Scene]:
    """With the hub link; the alerts service is for the test to start."""
    del private_bus
    configure(tmp_path, broker)
    async with running(tmp_path, "firmware.hublink"):
        yield Scene(tmp_path, broker, console)


async def test_each_press_is_at_the_hub_once_and_what_was_pressed_before_the_start_too(scene: Scene) -> None:
    scene.press(MANY[0])
    async with running(scene.folder, "firmware.alerts"):
        for id in MANY[1:]:
            scene.press(id)
        for id in MANY:
            assert (await scene.delivered(id))["id"] == id
        scene.press(FIRST)
        await scene.delivered(FIRST)
        assert {id: scene.sent(id) for id in MANY if scene.sent(id) != 1} == {}


async def test_the_hub_gets_what_the_handle_promises(scene: Scene) -> None:
    scene.press()
    async with running(scene.folder, "firmware.alerts"):
        assert await scene.delivered() == {
            "id": FIRST,
            "unit": UNIT,
            "kind": "panic",
            "raised_at": "2026-11-22T10:00:00.000Z",
            "attempt": 1,
            "via": "",
        }


async def test_an_alert_goes_out_under_this_units_name_whatever_the_file_says(scene: Scene) -> None:
    scene.press(unit="hdu-0003")
    async with running(scene.folder, "firmware.alerts"):
        assert (await scene.delivered())["unit"] == UNIT


async def test_a_dead_broker_is_tried_again_and_gets_the_same_id(
    scene: Scene, follow: Callable[[str, type], Followed]
) -> None:
    fact = follow("Alerts", facts.Alerts)
    async with running(scene.folder, "firmware.alerts") as it:
        scene.broker.kill()
        scene.press()
        await eventually(lambda: it.words().count("Publish failed") >= 2, "tried in vain twice")
        await eventually(lambda: fact.now and fact.now.pending_alerts == 1, "the unit says that one waits")
        assert not (scene.spool.folder / f"{FIRST}.delivered").exists()
        scene.broker.start()
        found = await scene.delivered()
        assert (found["id"], found["attempt"] > 1) == (FIRST, True)
        await eventually(lambda: fact.now.pending_alerts == 0, "the unit says that none waits")
        assert fact.now.open_alerts == 1


async def test_a_hub_that_forgot_is_reminded(scene: Scene) -> None:
    configure(scene.folder, scene.broker, "remind_s = 1.0")
    scene.press()
    async with running(scene.folder, "firmware.alerts"):
        await scene.delivered()
        scene.broker.kill()
        for file in (scene.broker.folder / "store").iterdir():
            file.unlink()
        before = scene.sent()
        scene.broker.start()
        await eventually(lambda: scene.sent() > before, "the hub has the alert again")


async def test_a_person_answers_once_then_it_is_cleared_and_closed(scene: Scene) -> None:
    scene.press()
    async with running(scene.folder, "firmware.alerts") as it:
        await scene.delivered()
        await scene.answer(by="Kim")
        await eventually(scene.answered_by, "the answer is on disk")
        await scene.answer(by="Lee")
        await eventually(lambda: f"alert/{FIRST}" not in scene.console.held, "cleared at the hub")
        done = scene.spool.folder / "done"
        await eventually(lambda: (done / f"{FIRST}.alert").exists(), "closed")
        await eventually(lambda: scene.spool.entries() == [], "the spool is empty")
        closed = Spool(done, 0).entry(FIRST)
        assert closed and closed.acknowledged and closed.acknowledged.by == "Kim"
        assert it.words().count("acknowledged") == 1
        assert scene.sent() == 1


async def test_killed_at_any_point_it_goes_on_where_it_was(scene: Scene) -> None:
    scene.press()
    async with running(scene.folder, "firmware.alerts") as it:
        await scene.delivered()
        await it.kill()
        await scene.answer()
        scene.press(SECOND)
        await it.start()
        await scene.delivered(SECOND)
        await eventually(scene.answered_by, "the answer that came meanwhile is on disk")
        await it.kill()
        await it.start()
        await eventually(lambda: scene.spool.entry(FIRST) is None, "closed after one more death")
        assert scene.spool.entry(SECOND) is not None
        assert scene.answered_by(SECOND) is None


async def test_an_answer_to_what_is_not_open_here_changes_nothing(scene: Scene, system_bus: Any) -> None:
    async with running(scene.folder, "firmware.alerts"):
        scene.press()
        await scene.delivered()
        assert await bus.call(system_bus, "Alerts", "Acknowledge", "sss", SECOND, "Kim", "now") is False
        assert await bus.call(system_bus, "Alerts", "Acknowledge", "sss", "../../etc/passwd", "Kim", "now") is False
        assert scene.answered_by() is None


async def test_a_foreign_file_is_put_aside_and_a_damaged_alert_goes_out_as_a_panic(scene: Scene) -> None:
    scene.spool.folder.mkdir(parents=True, exist_ok=True)
    (scene.spool.folder / "holiday.jpg").write_bytes(b"\xff\xd8")
    (scene.spool.folder / f"{SECOND}.alert").write_bytes(b'{"id": "01M8')
    async with running(scene.folder, "firmware.alerts") as it:
        scene.press()
        await scene.delivered()
        aside = {file.name for file in (scene.spool.folder / "aside").iterdir()}
        assert aside == {"holiday.jpg", f"{SECOND}.alert"}
        assert it.words().count("aside") == 2
        await eventually(lambda: f"alert/{SECOND}" in scene.console.held, "the damaged one is at the hub")
        alert = msgspec.json.decode(scene.console.held[f"alert/{SECOND}"], type=facts.Alert)
        assert (alert.id, alert.kind, alert.unit) == (SECOND, "panic", UNIT)


async def test_a_hub_that_went_back_to_an_older_state_is_told_what_was_answered(scene: Scene) -> None:
    """Killed before it saved, a broker may hold an alert again that a person answered."""
    scene.press()
    async with running(scene.folder, "firmware.alerts"):
        await scene.delivered()
        before = scene.sent()
        scene.broker.stop()
        scene.broker.start()
        await eventually(lambda: scene.sent() > before, "unit and console are back")
        await scene.answer(by="Kim")
        await eventually((scene.spool.folder / "done" / f"{FIRST}.alert").exists, "closed")
        before = scene.sent()
        scene.broker.kill()
        scene.broker.start()
        await eventually(lambda: scene.sent() > before, "the hub holds it again")
        await eventually(lambda: f"alert/{FIRST}" not in scene.console.held, "taken back")


class Texts:
    """A modem that refuses the first time."""

    def __init__(self, system_bus: Any) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refused = 0
        takes = bus.Method("SendSms", "ss", ("to", "text"), "s", self.send)
        self.export = bus.Export(system_bus, "Modem", facts.Modem(), [takes])

    async def send(self, to: str, text: str) -> str:
        if not self.refused:
            self.refused += 1
            raise ValueError("no network service")
        self.taken.append((to, text))
        return "sent"


async def test_no_hub_is_a_text_to_each_number_once_and_the_hub_is_told_so(scene: Scene, system_bus: Any) -> None:
    numbers = ["+15550001111", "+15550002222"]
    configure(scene.folder, scene.broker, f"sms_after_s = 0.2\nsms_numbers = {numbers}")
    scene.broker.kill()
    texts = Texts(system_bus)
    await texts.export.own()
    async with running(scene.folder, "firmware.alerts"):
        scene.press()
        await eventually(lambda: len(texts.taken) == 2, "two texts")
        assert sorted(to for to, _ in texts.taken) == numbers
        assert all("PANIC hdu-0001" in text and FIRST in text for _, text in texts.taken)
        scene.broker.start()
        assert (await scene.delivered())["via"].startswith("sms+")
        assert len(texts.taken) == 2


async def test_which_uplink_it_went_over_is_told(scene: Scene, system_bus: Any) -> None:
    uplink = facts.Uplink(name="lte", kind="lte", state="up", active=True)
    uplinks = bus.Export(system_bus, "Uplinks", facts.Uplinks(uplinks=(uplink,)))
    await uplinks.own()
    async with running(scene.folder, "firmware.alerts"):
        for id in MANY:  # the first may be faster than the fact
            scene.press(id)
            if (await scene.delivered(id))["via"] == "lte":
                return
    raise AssertionError("no alert says that it went over lte")


async def test_a_full_disk_is_told(scene: Scene, follow: Callable[[str, type], Followed]) -> None:
    fact = follow("Alerts", facts.Alerts)
    process = await asyncio.create_subprocess_exec(
        *("mount", "-t", "tmpfs", "-o", "size=32k", "none", str(scene.spool.folder))
    )
    if await process.wait():
        pytest.skip("needs a mount namespace of its own: run by bench/machine/enter")
    try:
        async with running(scene.folder, "firmware.alerts"):
            await eventually(lambda: fact.now and fact.now.spool_full is not None, "the fact is there")
            assert fact.now.spool_full
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(scene.spool.folder))).wait()
