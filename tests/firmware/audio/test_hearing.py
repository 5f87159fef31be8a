"""The dose against worked values of the energy-equivalent level, and unknown where the headset is unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.audio.hearing import (
    SHIFT_LIMIT_DB,
    SHIFT_S,
    Dose,
    Shift,
    full_scale_db,
    limit_dbfs,
    played,
    shift_db,
    sounded,
    used,
)


def test_a_shift_at_the_limit_uses_all_of_it() -> None:
    dose = played(Dose(), 0.0, SHIFT_S, SHIFT_LIMIT_DB)
    assert used(dose) == pytest.approx(1.0)
    assert shift_db(dose) == pytest.approx(SHIFT_LIMIT_DB)


@pytest.mark.parametrize(("louder_db", "hours"), [(3.0103, 6.0), (6.0206, 3.0), (9.0309, 1.5)])
def test_three_decibels_more_halve_the_time(louder_db: float, hours: float) -> None:
    """ISO 1999: equal energy."""
    assert used(played(Dose(), louder_db, hours * 3600, SHIFT_LIMIT_DB)) == pytest.approx(1.0, rel=1e-3)


@given(st.lists(st.tuples(st.floats(-100, 0), st.floats(0.01, 3600)), min_size=1, max_size=20))
def test_the_dose_never_falls_and_its_order_does_not_matter(parts: list[tuple[float, float]]) -> None:
    forward = backward = Dose()
    for level_dbfs, seconds in parts:
        after = played(forward, level_dbfs, seconds, 100.0)
        assert after.energy_s >= forward.energy_s
        forward = after
    for level_dbfs, seconds in reversed(parts):
        backward = played(backward, level_dbfs, seconds, 100.0)
    assert backward.energy_s == pytest.approx(forward.energy_s)


@pytest.mark.parametrize(("sensitivity", "volts"), [(None, 1.0), (110.0, None)])
def test_an_unknown_headset_is_unknown(sensitivity: float | None, volts: float | None) -> None:
    assert full_scale_db(sensitivity, volts) is None
    assert limit_dbfs(full_scale_db(sensitivity, volts)) is None


@pytest.mark.parametrize(
    ("sensitivity", "volts", "at"), [(128.0, 1.0, -10.0), (128.0, 10 ** (-10 / 20), 0.0), (90.0, 1.0, 0.0)]
)
def test_the_limiter_holds_peaks_under_118_db(sensitivity: float, volts: float, at: float) -> None:
    assert limit_dbfs(full_scale_db(sensitivity, volts)) == pytest.approx(at)


def test_silence_is_no_dose() -> None:
    assert shift_db(Dose()) is None
    assert used(Dose()) == 0.0


REST_S = 8 * 3600.0


def sounds(*at_s: float) -> Shift:
    """A shift with a minute of sound ending at each of these times."""
    shift = Shift()
    for each in at_s:
        shift = sounded(shift, -20.0, 60.0, 100.0, each, REST_S)
    return shift


def test_a_shift_lasts_until_there_is_a_rest() -> None:
    shift = sounds(1e6, 1e6 + REST_S, 1e6 + 2 * REST_S)
    assert shift.dose.measured_s == 180.0
    assert shift.began_at_s == 1e6 - 60


def test_after_a_rest_a_new_shift_begins_with_all_of_its_dose() -> None:
    shift = sounds(1e6, 1e6 + REST_S + 60)
    assert shift.dose.measured_s == 60.0
    assert shift.began_at_s == 1e6 + REST_S


def test_a_clock_that_is_put_back_gives_no_rest() -> None:
    assert sounds(1e6, 1e6 - 10 * REST_S).dose.measured_s == 120.0
