"""What one discharge teaches, and that what was not seen is not known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.config import PowerHardware
from firmware.supply.battery import (
    Sample,
    along,
    at_floor,
    charged,
    from_percent,
    from_voltage,
    health_percent,
    learn,
    rated,
)

RATING = rated(PowerHardware(capacity_wh=40.0, load_w=10.0, full_v=8.4, empty_v=6.0))


def samples(lowest: int = 10) -> list[Sample]:
    """A straight battery of 30 Wh at 10 W."""
    return [
        Sample(at=108.0 * i, percent=100.0 - i, voltage_v=8.4 - 0.024 * i, power_w=10.0, used_wh=0.3 * i)
        for i in range(101 - lowest)
    ]


def test_a_straight_discharge_teaches_capacity_and_load() -> None:
    known = learn(RATING, samples(), 8.4, "2026-01-01T00:00:00.000Z")
    assert known is not None
    assert known.capacity_wh == pytest.approx(30, rel=0.03) and known.load_w == pytest.approx(10)
    span = from_percent(known, 50, 10.0)
    assert span is not None and span.wh == pytest.approx(15, rel=0.05) and span.low_wh < 15 < span.high_wh
    assert health_percent(known, RATING) == pytest.approx(75, rel=0.03)


@pytest.mark.parametrize("few", [samples()[:4], samples(65), [*samples(100)] * 6])
def test_a_short_discharge_teaches_nothing(few: list[Sample]) -> None:
    assert learn(RATING, few, None, "now") is None


def test_a_battery_that_was_never_tested_has_wide_bounds_and_no_health() -> None:
    span = from_percent(RATING, 50, 10.0)
    assert span is not None and span.high_wh > 3 * span.low_wh and health_percent(RATING, RATING) is None


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_that_cannot_be_are_no_witness(percent: float, volts: float) -> None:
    span = from_percent(RATING, percent, 10.0)
    assert (span is not None) == (0 <= percent <= 100)
    by_voltage = from_voltage(RATING, volts, 10.0)
    assert by_voltage is None or 0 <= by_voltage.low_wh <= by_voltage.wh <= by_voltage.high_wh


@given(st.floats(0, 100), st.floats(2, 20))
def test_a_span_is_in_order(percent: float, power_w: float) -> None:
    known = learn(RATING, samples(), 8.4, "now")
    assert known is not None
    span = from_percent(known, percent, power_w)
    assert span is not None and 0 <= span.low_wh <= span.wh <= span.high_wh


@given(st.floats(-10, 110))
def test_between_points_and_beyond(at: float) -> None:
    assert along((0, 50, 100), (0, 10, 40), at) == pytest.approx(
        0 if at < 0 else 40 if at > 100 else at / 5 if at <= 50 else 10 + (at - 50) * 0.6
    )


def test_the_floor_is_the_gauge_or_the_voltage_whichever_comes_first() -> None:
    assert not at_floor(RATING, 50, 7.0, 10)
    assert at_floor(RATING, 10, 7.0, 10) and at_floor(RATING, 50, 6.1, 10) and at_floor(RATING, None, 7.0, 10)


@pytest.mark.parametrize(
    ("percent", "volts", "amperes", "expected"),
    [(100, 8.4, 0.0, 8.4), (100, 8.4, -2.0, None), (90, 8.4, 0.0, None), (120, 8.4, 0.0, None), (None, 8.4, 0.0, None)],
)
def test_charged(percent: float | None, volts: float, amperes: float, expected: float | None) -> None:
    assert charged(percent, volts, amperes, RATING) == expected
