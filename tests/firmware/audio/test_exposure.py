"""The dose as the headset service keeps it: from the calls' ear, over restarts, and unknown where loudness is."""

import asyncio
import json
from pathlib import Path

import pytest

from firmware import bus
from firmware.audio.exposure import SAVE_S, Exposure, remembered
from firmware.audio.hearing import SHIFT_LIMIT_DB, SHIFT_S, Shift, used
from firmware.config import Config, HeadsetHardware, UnitFile
from firmware.facts import Call, Headset
from tests.headset_scene import eventually

KNOWN = Config(unit=UnitFile(headset=HeadsetHardware(sensitivity_db_spl_per_v=110.0, full_scale_v=1.0)))


def exposure(folder: Path, config: Config = KNOWN) -> Exposure:
    return Exposure(folder / "hearing.json", config, lambda: None)


def at_limit(found: Exposure) -> float:
    """The level that spends the whole dose in SHIFT_S."""
    return SHIFT_LIMIT_DB - (found.at_full_scale_db or 0.0)


async def test_half_a_shift_at_the_limit_is_half_of_the_dose(tmp_path: Path) -> None:
    found = exposure(tmp_path)
    found.heard(at_limit(found), SHIFT_S / 2)
    fact = found.onto(Headset())
    assert (fact.shift_dose_percent, fact.shift_level_db, fact.shift_dose_spent) == (50.0, 80.0, False)
    assert fact.peak_limit_dbfs == 0.0
    assert fact.shift_began.endswith("Z")
    found.heard(at_limit(found), SHIFT_S / 2)
    assert found.onto(Headset()).shift_dose_spent is True


@pytest.mark.parametrize(("sensitivity", "volts"), [(None, 1.0), (110.0, None)])
async def test_of_a_headset_of_unknown_loudness_nothing_is_known(
    tmp_path: Path, sensitivity: float | None, volts: float | None
) -> None:
    hardware = HeadsetHardware(sensitivity_db_spl_per_v=sensitivity, full_scale_v=volts)
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


@pytest.mark.usefixtures("private_bus")
async def test_what_the_calls_ear_hears_is_counted_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    calls = bus.Export(bus.connect(), "Calls", Call(state="idle"))
    await calls.own()
    found = exposure(tmp_path)
    following = asyncio.create_task(found.follow(calls.bus))
    loop = asyncio.get_running_loop()
    calls.set(Call(state="active", ear_dbfs=-20.0))
    await eventually(lambda: calls.value.ear_dbfs == -20.0)
    await asyncio.sleep(0.3)  # the sound itself: what is measured is how long it lasts
    began = loop.time()
    calls.set(Call(state="idle"))
    await eventually(lambda: found.shift.dose.measured_s > 0)
    assert 0.2 < found.shift.dose.measured_s < 0.4 + loop.time() - began
    measured_s = found.shift.dose.measured_s
    calls.set(Call(state="ringing"))
    calls.set(Call(state="active", ear_dbfs=-30.0))
    calls.set(Call(state="active", ear_dbfs=-31.0))
    await eventually(lambda: found.shift.dose.measured_s > measured_s)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
