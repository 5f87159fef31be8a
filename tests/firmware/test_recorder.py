"""The recorder as its own process: hears every service and the spool, survives kills, tells the hub what it missed."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.record import chain
from firmware.spool import Spool
from hdu import log
from tests.firmware.conftest import Followed

SITE = "[recorder]\nsync_s = 0.1\nsend_s = 0.5\n"


class Scene:
    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.bus = folder, bus.connect()
        self.environment = {**os.environ, "HDU_CONFIG": str(folder), "DBUS_SYSTEM_BUS_ADDRESS": address}
        self.power = bus.Export(self.bus, "Power", facts.Power(source="mains", state="normal", percent=97.0))
        publish = bus.Method("Publish", "ss", ("topic", "payload"), "", self.published)
        self.hub = bus.Export(self.bus, "HubLink", facts.Hub(connected=False), [publish])
        self.taken: list[dict[str, object]] = []
        self.refused, self.refuse = 0, False

    async def published(self, topic: str, payload: str) -> None:
        assert topic == "event"
        if self.refuse:
            self.refused += 1
            raise ConnectionError("the broker did not acknowledge it")
        self.taken += json.loads(payload)["events"]

    async def start(self) -> None:
        self.service = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "firmware", "recorder", env=self.environment
        )
        before = self.count("recorder.start")
        await until(lambda: self.count("recorder.start") > before)

    async def stop(self) -> None:
        if self.service.returncode is None:
            self.service.terminate()
        await asyncio.wait_for(self.service.wait(), 10)

    def events(self, kind: str = "") -> list[dict[str, object]]:
        return [
            {"kind": each.kind, **json.loads(bytes(each.facts))}
            for each in chain.read(self.folder / "data" / "events")
            if kind in ("", each.kind)
        ]

    def count(self, kind: str) -> int:
        return len(self.events(kind))


@pytest.fixture
async def scene(private_bus: str, tmp_path: Path) -> AsyncIterator[Scene]:
    (tmp_path / "usbguard").mkdir()
    (tmp_path / "unit.toml").write_text(
        f'[folders]\ndata = "{tmp_path}/data"\nrun = "{tmp_path}/run"\nusbguard = "{tmp_path}/usbguard"\n'
    )
    (tmp_path / "site.toml").write_text(SITE)
    scene = Scene(tmp_path, private_bus)
    await scene.power.own()
    await scene.hub.own()
    await scene.start()
    yield scene
    await scene.stop()
    scene.bus.close()


async def until(holds: Callable[[], bool], bound_s: float = 10.0) -> None:
    ends = asyncio.get_running_loop().time() + bound_s
    while not holds():
        assert asyncio.get_running_loop().time() < ends, f"not within {bound_s} s"
        await asyncio.sleep(0.02)


async def test_a_change_of_state_is_an_event_and_a_trembling_number_is_none(scene: Scene) -> None:
    await until(lambda: scene.count("Power") == 1)
    scene.power.set(facts.Power(source="mains", state="normal", percent=96.0))
    scene.power.set(facts.Power(source="mains", state="normal", percent=95.0, voltage_v=8.1))
    scene.power.set(facts.Power(source="battery", state="on-battery", percent=95.0, voltage_v=8.0))
    await until(lambda: any(each.get("state") == "on-battery" for each in scene.events("Power")))
    scene.power.set(facts.Power(source="battery", state="on-battery", percent=94.0, voltage_v=8.0))
    scene.power.set(facts.Power(source="battery", state="low", percent=94.0, voltage_v=8.0))
    await until(lambda: any(each.get("state") == "low" for each in scene.events("Power")))
    assert [each.get("state") for each in scene.events("Power")] == ["normal", "on-battery", "low"]


async def test_a_press_is_recorded_from_the_spool_and_a_service_that_goes(scene: Scene) -> None:
    spool = Spool(scene.folder / "data" / "spool")
    spool.put(facts.Alert(id="01ARZ3NDEKTSV4RRFFQ69G5FAV", unit="hdu-0001", kind="panic", raised_at=now_rfc3339()))
    spool.mark("01ARZ3NDEKTSV4RRFFQ69G5FAV", "delivered")
    await until(lambda: scene.count("alert") == 1 and scene.count("delivered") == 1)
    other = bus.connect()
    headset = bus.Export(other, "Headset", facts.Headset())
    await headset.own()
    other.close()
    await until(lambda: [each["up"] for each in scene.events("service") if each["name"] == "Headset"] == [True, False])


async def test_a_usb_device_that_was_refused_is_an_event_for_the_hub(scene: Scene) -> None:
    scene.hub.set(facts.Hub(connected=True))
    with (scene.folder / "usbguard" / "audit.log").open("a") as out:
        out.write(
            "[1.0] (A) uid=0 pid=1 target.new='reject' type='Policy.Device.Update' device.rule='block id 46f4:0001 "
            'serial "" name "QEMU USB HARDDRIVE" hash "x" via-port "1-1"\'\n'
        )
    await until(lambda: any(each["kind"] == "usb.refused" for each in scene.taken))
    (found,) = scene.events("usb.refused")
    assert (found["id"], found["name"], found["port"]) == ("46f4:0001", "QEMU USB HARDDRIVE", "1-1")


async def test_what_is_told_is_recorded_and_nonsense_refused(scene: Scene) -> None:
    number = await bus.call(scene.bus, "Recorder", "Record", "ss", "update", '{"slot": "B"}')
    assert [each.seq for each in chain.read(scene.folder / "data" / "events") if each.kind == "update"] == [number]
    for kind, text in (("update", "[]"), ("update", "{"), ("", "{}"), ("update", '{"x": "' + "y" * 20_000 + '"}')):
        with pytest.raises(bus.BusError):
            await bus.call(scene.bus, "Recorder", "Record", "ss", kind, text)
    assert scene.count("update") == 1


async def test_the_hub_gets_what_it_missed_once_over_a_kill(scene: Scene) -> None:
    for number in range(120):
        await bus.call(scene.bus, "Recorder", "Record", "ss", "decision", json.dumps({"number": number}))
    scene.service.kill()
    await scene.service.wait()
    await scene.start()
    scene.hub.set(facts.Hub(connected=True))
    await until(lambda: len([each for each in scene.taken if each["kind"] == "decision"]) == 120)
    numbers = [each["seq"] for each in scene.taken]
    assert numbers == list(range(1, len(numbers) + 1))
    assert chain.verify(scene.folder / "data" / "events").whole


async def test_sent_is_what_the_hub_has_acknowledged(scene: Scene, follow: Callable[[str, type], Followed]) -> None:
    told = follow("Recorder", facts.Recorder)
    scene.refuse = True
    scene.hub.set(facts.Hub(connected=True))
    await until(lambda: scene.refused >= 2)
    number = await bus.call(scene.bus, "Recorder", "Record", "ss", "decision", "{}")
    await until(lambda: told.now and told.now.last_seq >= number)
    assert told.now.sent_seq == 0 and scene.taken == []
    scene.refuse = False
    await until(lambda: told.now.sent_seq >= number)
    assert [each["seq"] for each in scene.taken] == list(range(1, len(scene.taken) + 1))


async def test_what_was_sent_is_kept_over_a_stop(scene: Scene) -> None:
    scene.hub.set(facts.Hub(connected=True))
    number = await bus.call(scene.bus, "Recorder", "Record", "ss", "decision", "{}")
    await until(lambda: any(each["seq"] == number for each in scene.taken))
    await scene.stop()
    before = len(scene.taken)
    await scene.start()
    again = await bus.call(scene.bus, "Recorder", "Record", "ss", "decision", "{}")
    await until(lambda: any(each["seq"] == again for each in scene.taken))
    assert number not in [each["seq"] for each in scene.taken[before:]]


async def test_events_that_come_together_are_written_once(scene: Scene) -> None:
    """What the disk is given (proc(5), io): pages of 4 KiB, one for those events that share it, and none each."""
    await until(lambda: scene.count("Power") == 1)
    for state in ("on-battery", "low", "ending", "normal") * 5:
        scene.power.set(facts.Power(source="battery", state=state))
        await asyncio.sleep(0.01)  # as the events of one press follow each other
    await until(lambda: scene.count("Power") == 21)
    events = chain.segments(scene.folder / "data" / "events")[0].stat().st_size
    assert written(scene) < events + 10 * 4_096, "20 urgent events, each with a sync of its own, are 20 pages"


def written(scene: Scene) -> int:
    lines = Path(f"/proc/{scene.service.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


async def test_hdu_log_reads_and_verifies(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    await bus.call(scene.bus, "Recorder", "Record", "ss", "decision", '{"why": "low"}')
    folder = scene.folder / "data" / "events"
    assert log.main(["--folder", str(folder), "--kind", "decision"]) == 0
    assert '{"why":"low"}' in capsys.readouterr().out
    assert log.main(["verify", "--folder", str(folder)]) == 0
    file = chain.segments(folder)[0]
    file.write_bytes(file.read_bytes().replace(b'"low"', b'"new"'))
    assert log.main(["verify", "--folder", str(folder)]) == 1
    line = len(file.read_bytes().split(b'"new"')[0].splitlines())
    assert f"{file.name}, line {line}: the line was changed" in capsys.readouterr().err
