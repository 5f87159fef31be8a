"""The dose as the headset service keeps it: of what calls play, over restarts, and unknown where loudness is."""

import asyncio
import json
import math
import shutil
from array import array
from pathlib import Path

import pytest

from firmware import bus
from firmware.audio.exposure import SAVE_S, Exposure, remembered
from firmware.audio.hearing import SHIFT_LIMIT_DB, SHIFT_S, Shift, used
from firmware.config import Config, HeadsetHardware, UnitFile
from firmware.drivers.playback import play
from firmware.facts import Call, Headset
from hw.headset.twin import HeadsetTwin
from tests.headset_scene import eventually

needs_server = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")
KNOWN = Config(
    unit=UnitFile(
        headset=HeadsetHardware(ear_monitor_device="headset_ear", sensitivity_db_spl_per_v=110.0, full_scale_v=1.0)
    )
)


def exposure(folder: Path, config: Config = KNOWN) -> Exposure:
    return Exposure(folder / "hearing.json", config, lambda: None)


def at_limit(found: Exposure) -> float:
    """The level that spends the whole dose in SHIFT_S."""
    return SHIFT_LIMIT_DB - (found.at_full_scale_db or 0.0)


def heard_s(found: Exposure) -> float:
    """How long -20 dBFS would have had to be played for this dose."""
    return found.shift.dose.energy_s / float(10 ** ((-20.0 + 110.0) / 10))


async def test_half_a_shift_at_the_limit_is_half_of_the_dose(tmp_path: Path) -> None:
    found = exposure(tmp_path)
    found.heard(at_limit(found), SHIFT_S / 2)
    fact = found.onto(Headset())
    assert (fact.shift_dose_percent, fact.shift_level_db, fact.shift_dose_spent) == (50.0, 80.0, False)
    assert fact.shift_began.endswith("Z")
    found.heard(at_limit(found), SHIFT_S / 2)
    assert found.onto(Headset()).shift_dose_spent is True


@pytest.mark.parametrize(("sensitivity", "volts"), [(None, 1.0), (110.0, None)])
async def test_of_a_headset_of_unknown_loudness_nothing_is_known(
    tmp_path: Path, sensitivity: float | None, volts: float | None
) -> None:
    hardware = HeadsetHardware(ear_monitor_device="x", sensitivity_db_spl_per_v=sensitivity, full_scale_v=volts)
    found = exposure(tmp_path, Config(unit=UnitFile(headset=hardware)))
    found.heard(0.0, 3600)
    assert found.onto(Headset()) == Headset()


async def test_a_restart_does_not_give_the_ear_a_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = exposure(tmp_path)
    monkeypatch.setattr(found, "_saved_at_s", found._saved_at_s - SAVE_S)
    found.heard(at_limit(found), SHIFT_S / 4)
    assert used(exposure(tmp_path).shift.dose) == pytest.approx(0.25)
    found.heard(at_limit(found), SHIFT_S / 4)  # not yet on disk: a minute has not passed
    assert used(exposure(tmp_path).shift.dose) == pytest.approx(0.25)


async def test_a_file_that_cannot_be_read_counts_from_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hearing.json"
    assert remembered(file) == Shift()
    file.write_bytes(b'{"dose": "torn')
    assert remembered(file) == Shift()
    file.write_text(json.dumps({"began_at_s": 5.0}))
    assert remembered(file) == Shift(began_at_s=5.0)


async def test_without_a_device_that_gives_it_back_the_dose_is_unknown_and_the_limit_is_not(tmp_path: Path) -> None:
    hardware = HeadsetHardware(sensitivity_db_spl_per_v=128.0, full_scale_v=1.0)
    found = exposure(tmp_path, Config(unit=UnitFile(headset=hardware)))
    found.peak_limit_dbfs = -10.0
    fact = found.onto(Headset())
    assert fact == Headset(peak_limit_dbfs=-10.0)


@needs_server
@pytest.mark.usefixtures("private_bus")
async def test_what_is_played_in_a_call_is_measured_at_the_ear_also_after_a_replug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = HeadsetTwin(tmp_path / "headset")
    for name, value in twin.environment.items():
        monkeypatch.setenv(name, value)
    await twin.start()
    calls = bus.Export(bus.connect(), "Calls", Call(state="idle"))
    await calls.own()
    found = exposure(tmp_path)
    tasks = [asyncio.create_task(each) for each in (found.follow(calls.bus), found.keep_listening())]
    sine = array("h", (round(3_277 * math.sin(math.pi * at / 8)) for at in range(16_000)))
    for number in range(2):
        calls.set(Call(state="active"))
        await eventually(lambda: found._listening)
        await asyncio.to_thread(play, "headset", sine, 16_000)
        await eventually(lambda: heard_s(found) > number + 0.8)  # noqa: B023 - waited for here and now
        assert heard_s(found) < number + 1.2
        await twin.command({"plugged": False})
        await eventually(lambda: not found._listening)
        await twin.command({"plugged": True})
    calls.set(Call(state="idle"))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await twin.close()
