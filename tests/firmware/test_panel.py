"""The panel service as its own process, alone, on its twin: no bus, no other service."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.facts import Acknowledgement, Alert, Panel
from firmware.spool import Spool
from hw.panel.twin import PanelTwin

BOUND_S = 15.0
UNIT = """[panel]
pin_factory = "hdu_twin"
{settings}
[folders]
data = "{data}"
run = "{run}"
"""
FORBIDDEN = (
    "sdbus",
    "aiomqtt",
    "paho",
    "alsaaudio",
    "firmware.bus",
    "firmware.wire",
    "aiohttp",
    "serial",
    "hub",
    "bench",
)


async def eventually(condition: Callable[[], Any]) -> Any:
    """The first true value of `condition`, within BOUND_S."""
    end = time.monotonic() + BOUND_S
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {BOUND_S} s: {condition}"
        await asyncio.sleep(0.005)
    return value


def shell(line: str) -> bool:
    return subprocess.run(line, shell=True, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Desk:
    """A panel on a desk: its twin, its files, and its service, which may be killed and started."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data, self.run = folder, data, folder / "run"
        self.twin = PanelTwin(folder, seed=7)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if "DBUS" not in key}
        environment |= {"HDU_CONFIG": str(self.folder), "HDU_PANEL_TWIN": str(self.twin.socket)}
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "firmware", "panel", env=environment)
        await eventually(lambda: self.twin.lamps["safe_red"].lit)

    async def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()

    async def do(self, **body: object) -> None:
        await self.twin.command(body)

    async def press(self, button: str = "panic") -> None:
        await self.do(button=button, action="press")

    async def release(self, button: str = "panic") -> None:
        await self.do(button=button, action="release")

    def alerts(self, kind: str = "panic") -> list[Alert]:
        return [entry.alert for entry in Spool(self.data / "spool", 0).entries() if entry.alert.kind == kind]

    def fact(self) -> Panel:
        """What the panel has told; nothing yet is the first of all facts."""
        file = self.run / "panel.json"
        return msgspec.json.decode(file.read_bytes(), type=Panel) if file.exists() else Panel()

    def touched(self) -> int:
        return (self.run / "panel.json").stat().st_mtime_ns

    def lamp(self, name: str = "panic") -> object:
        return json.loads(json.dumps(self.twin.state()))["lamps"][name]

    def show(self, mute: str, safe: str, mute_state: str) -> None:
        new = self.run / ".lamps.json.new"
        new.write_text(json.dumps({"mute": mute, "safe": safe, "mute_state": mute_state}))
        new.rename(self.run / "lamps.json")


@asynccontextmanager
async def desk(folder: Path, settings: str = "", data: Path | None = None) -> AsyncIterator[Desk]:
    data = data or folder / "data"
    (folder / "unit.toml").write_text(UNIT.format(settings=settings, data=data, run=folder / "run"))
    (folder / "site.toml").write_text("[alerts]\nreserve_bytes = 65536\nacknowledged_lamp_s = 2.0\n")
    made = Desk(folder, data)
    await made.twin.start()
    try:
        await made.start()
        yield made
    finally:
        if made.process:
            await made.end()
        await made.twin.close()


async def test_a_press_is_on_disk_before_the_lamp_answers_and_the_lamp_follows_its_answer(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        on_disk: list[int] = []
        seen = it.twin.lamps["panic_lamp"].edge

        def edge(lit: bool, now: float) -> None:
            on_disk.append(len(list((it.data / "spool").glob("*.alert"))))
            seen(lit, now)

        it.twin.lamps["panic_lamp"].edge = edge  # type: ignore[method-assign]
        await it.press()
        (alert,) = await eventually(it.alerts)
        await eventually(lambda: on_disk)
        assert on_disk[0] == 1
        assert len(alert.id) == 26
        assert alert.raised_at.endswith("Z") and alert.raised_at[-5] == "."
        await it.release()
        await eventually(lambda: it.lamp() == "fast")
        assert it.fact().panic == "raised"
        spool = Spool(it.data / "spool", 0)
        spool.mark(alert.id, "delivered")
        await eventually(lambda: it.lamp() == "slow")
        spool.mark(alert.id, "acknowledged", Acknowledgement(id=alert.id, by="Ada", at=alert.raised_at))
        await eventually(lambda: it.lamp() == "on")
        assert it.fact().panic == "acknowledged"
        await eventually(lambda: it.lamp() == "off")
        assert it.fact().panic == "idle"


async def test_an_answer_to_another_alert_is_no_answer(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press()
        (alert,) = await eventually(it.alerts)
        Spool(it.data / "spool", 0).mark(alert.id, "acknowledged", Acknowledgement(id="OTHER", by="Ada", at="now"))
        Spool(it.data / "spool", 0).mark(alert.id, "delivered")
        await eventually(lambda: it.fact().panic == "delivered")
        (it.data / "spool" / f"{alert.id}.acknowledged").write_bytes(b'{"id": "torn')
        await eventually((it.data / "spool" / "aside" / f"{alert.id}.acknowledged").exists)
        assert it.fact().panic == "delivered"


async def test_no_bus_no_broker_no_audio_in_the_process(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press()
        await eventually(it.alerts)
        assert it.process
        mapped = Path(f"/proc/{it.process.pid}/maps").read_text()
        assert not [name for name in ("sdbus", "libsystemd", "libdbus", "alsa", "asound") if name in mapped]
    code = f"import sys, firmware.panel; print([name for name in sys.modules if name.startswith({FORBIDDEN!r})])"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert (await child.communicate())[0] == b"[]\n"


async def test_killed_while_pressed_is_found_again_and_raised_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press()
        (alert,) = await eventually(it.alerts)
        await it.end(signal.SIGKILL)
        await eventually(lambda: not any(lamp.lit for lamp in it.twin.lamps.values()))
        await it.start()
        await eventually(lambda: it.lamp() == "fast")
        assert it.alerts() == [alert]
        await it.release()
        await eventually(lambda: not list((it.run / "presses").iterdir()))
        await it.end(signal.SIGKILL)
        await it.press()
        await it.start()
        assert len(await eventually(lambda: len(it.alerts()) == 2 and it.alerts())) == 2


async def test_pressed_again_after_an_answer_while_no_panel_was_there_is_a_new_alert(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press()
        (alert,) = await eventually(it.alerts)
        answer = Acknowledgement(id=alert.id, by="Ada", at=alert.raised_at)
        Spool(it.data / "spool", 0).mark(alert.id, "acknowledged", answer)
        await it.end(signal.SIGKILL)
        await it.release()
        await it.press()
        await it.twin.settled()
        await it.start()
        assert await eventually(lambda: [each for each in it.alerts() if each != alert])


async def test_killed_between_deciding_and_the_disk_is_finished_under_the_same_id(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.end(signal.SIGKILL)
        alert = Alert(
            id="01M827DZYKHC188F8QSC3S5GF3", unit="hdu-0001", kind="panic", raised_at="2026-11-22T10:00:00.000Z"
        )
        (it.run / "presses" / f"{alert.id}.alert").write_bytes(msgspec.json.encode(alert))
        await it.start()
        assert await eventually(it.alerts) == [alert]
        await eventually(lambda: not list((it.run / "presses").iterdir()))
        assert it.fact().panic == "raised"


async def test_held_over_a_reboot_is_the_same_press_and_a_new_press_is_new(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press()
        (alert,) = await eventually(it.alerts)
        await it.end(signal.SIGKILL)
        for file in [*(it.run / "presses").iterdir(), it.run / "panel.json"]:
            file.unlink()
        await it.start()
        await eventually(lambda: it.fact().panic == "raised")
        await it.release()
        await asyncio.sleep(0.5)  # START_S and the finger: afterwards a press is a press
        await it.end(signal.SIGKILL)
        await it.start()
        assert it.alerts() == [alert]
        await asyncio.sleep(0.3)
        await it.press()
        await eventually(lambda: len(it.alerts()) == 2)


@pytest.mark.parametrize("fault", ["cut", "short"])
async def test_a_broken_wire_is_shown_and_told_once_and_a_press_still_counts(tmp_path: Path, fault: str) -> None:
    async with desk(tmp_path) as it:
        await it.do(line="panic", fault=fault)
        await eventually(lambda: it.fact().faults == (f"panic: {fault}",))
        await eventually(lambda: it.lamp() == "double")
        await eventually(lambda: it.alerts("tamper"))
        await it.end(signal.SIGKILL)
        await it.start()
        await eventually(lambda: it.fact().faults == (f"panic: {fault}",))
        await it.press()
        await eventually(it.alerts)
        await it.release()
        await eventually(lambda: it.twin.state()["buttons"] and not list((it.run / "presses").iterdir()))
        await asyncio.sleep(1.1)  # longer than a finger on a broken button
        await it.do(line="panic", fault="none")
        await eventually(lambda: it.fact().faults == ())
        assert (len(it.alerts()), len(it.alerts("tamper"))) == (1, 1)


async def test_every_press_is_one_alert_however_late_its_edges_are_handed_over(tmp_path: Path) -> None:
    async with desk(tmp_path, "again_s = 0.0") as it:
        for count in range(1, 21):
            for move in (it.press, it.release):
                assert it.process
                it.process.send_signal(signal.SIGSTOP)
                await move()
                await it.twin.settled()
                it.process.send_signal(signal.SIGCONT)
                await eventually(lambda: len(it.alerts()) >= count)  # noqa: B023
            await eventually(lambda: not list((it.run / "presses").iterdir()))
        assert len(it.alerts()) == 20


async def test_lost_edges_are_found_by_reading_again(tmp_path: Path) -> None:
    async with desk(tmp_path, "reread_s = 0.1") as it:
        await it.do(edges="lost")
        await it.press()
        await eventually(it.alerts)


async def test_its_file_says_that_the_contacts_are_read_while_they_are(tmp_path: Path) -> None:
    async with desk(tmp_path, "reread_s = 0.05") as it:
        await eventually(lambda: it.fact().read)
        for _ in range(3):
            before = it.touched()
            await eventually(lambda: it.touched() > before)  # noqa: B023


async def test_mute_assist_wellness_and_self_test(tmp_path: Path) -> None:
    async with desk(tmp_path, "hold_s = 0.5") as it:
        for state in ("muted", "live"):
            await it.press("mute")
            await eventually(lambda: (it.data / "mute").exists() and (it.data / "mute").read_text() == state)  # noqa: B023
            await it.release("mute")
            await it.twin.settled()
        await it.press("assist")
        await it.release("assist")
        await eventually(lambda: it.alerts("assist"))
        await it.twin.settled()
        await it.press("assist")
        await eventually(lambda: it.alerts("wellness"))
        await it.press("mute")
        await eventually((it.run / "selftest.request").exists)
        await it.release("assist")
        await it.release("mute")
        assert (it.data / "mute").read_text() == "live"
        assert (len(it.alerts("assist")), len(it.alerts("wellness")), it.alerts()) == (1, 1, [])


async def test_the_lamps_of_others_show_what_they_say_and_a_fault_when_they_are_silent(tmp_path: Path) -> None:
    async with desk(tmp_path, "lamps_stale_s = 1.5\nreread_s = 0.1") as it:
        await eventually(lambda: (it.lamp("mute"), it.lamp("safe")) == ("double", "red"))
        assert it.fact().mute is None
        it.show("on", "green", "muted")
        await eventually(lambda: it.fact().mute == "muted" and it.lamp("safe") == "green")
        it.show("on", "amber", "muted")
        await eventually(lambda: it.lamp("safe") == "amber")
        await eventually(lambda: it.lamp("safe") == "red")  # nobody made the request anew
        await eventually(lambda: it.lamp("mute") == "double")
        it.show("off", "green", "live")
        await eventually(lambda: it.fact().mute == "live")
        (it.run / "lamps.json").write_bytes(b'{"mute": "purple", "safe": "green"}')
        await eventually(lambda: (it.fact().mute, it.lamp("safe")) == (None, "red"))


async def test_the_bench_may_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.twin.close()
        it.twin = PanelTwin(tmp_path, seed=8)
        await it.twin.start()
        await eventually(lambda: it.twin.lamps["safe_red"].lit)
        await it.press()
        await eventually(it.alerts)


async def test_a_full_disk_is_shown_and_the_press_is_kept(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not shell(f"mount -t tmpfs -o size=256k none {disk}"):
        pytest.skip("cannot mount a small disk here; run inside bench/machine/enter")
    try:
        async with desk(tmp_path, "again_s = 0.0", data=disk) as it:
            filler = disk / "filler"
            await eventually((disk / "spool" / ".reserve").exists)
            (disk / "spool" / ".reserve").unlink()
            shell(f"head -c 1M /dev/zero > {filler}")
            await it.press()
            await eventually(lambda: "spool: full" in it.fact().faults)
            await eventually(lambda: it.lamp() == "double")
            assert it.fact().panic == "idle"
            await it.release()
            (kept,) = (it.run / "presses").glob("[!.]*")
            filler.unlink()
            (alert,) = await eventually(it.alerts)
            assert kept.name == f"{alert.id}.alert"
            await eventually(lambda: it.fact().panic == "raised" and "spool: full" not in it.fact().faults)
    finally:
        shell(f"umount {disk}")


async def test_bad_commands_are_refused_in_one_line_and_change_nothing(tmp_path: Path) -> None:
    twin = PanelTwin(tmp_path)
    before = twin.state()
    for body in ({}, {"button": "panic"}, {"button": "red", "action": "press"}, {"line": "panic", "fault": 3}):
        with pytest.raises(ValueError, match=r"^panel: [^\n]+$"):
            await twin.command(body)  # type: ignore[arg-type]
    assert twin.state() == before
