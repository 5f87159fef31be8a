"""The straight line to the cut-off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.config import PowerHardware
from firmware.supply.battery import rated
from firmware.supply.run_out import Falling, fall, run_out_minutes, steepness

BATTERY = rated(PowerHardware(full_v=8.4, empty_v=6.0))


def fallen(volts_per_minute: float, last_v: float, load_w: tuple[float, float] = (9.0, 9.0)) -> float | None:
    """What is said after two minutes of a straight fall to `last_v`; the load changes for the last 15 s."""
    state = Falling()
    for second in range(121):
        volts = last_v + volts_per_minute * (120 - second) / 60
        state = fall(state, volts, load_w[second > 105], 1.0, float(second))
    return run_out_minutes(state, BATTERY, 120.0)


@pytest.mark.parametrize("minutes_left", [0.3, 0.7, 1.0, 3.0])
def test_a_straight_fall_is_met_where_it_will_be(minutes_left: float) -> None:
    assert fallen(0.1, 6.0 + 0.1 * minutes_left) == pytest.approx(minutes_left, abs=0.03)


def test_nothing_is_said_far_from_the_end_or_when_the_voltage_rises_or_the_load_changed() -> None:
    assert fallen(0.1, 6.4) is None and fallen(-0.1, 6.1) is None and fallen(0.1, 6.1, (9.0, 12.0)) is None


def test_a_voltage_that_is_not_the_loads_begins_anew() -> None:
    assert fall(Falling(slow_v=6.1, points=((0.0, 6.2, 9.0),)), None, 9.0, 1.0, 1.0) == Falling()
    assert run_out_minutes(Falling(slow_v=6.1), BATTERY, 0.0) is None


@given(st.floats(-5, 5), st.floats(-10, 10))
def test_least_squares_finds_a_line(slope: float, offset: float) -> None:
    assert steepness([(x, offset + slope * x) for x in (0.0, 1.0, 2.5, 7.0)]) == pytest.approx(slope, abs=1e-6)
