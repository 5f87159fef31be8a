"""No single lie moves the minutes; what nothing agrees on is unknown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.config import PowerHardware
from firmware.supply.battery import Battery, Span, learn, rated
from firmware.supply.minutes import Estimate, Minutes, meet, minutes, step
from tests.firmware.supply.test_battery import samples

RATING = rated(PowerHardware(capacity_wh=40.0, load_w=10.0, full_v=8.4, empty_v=6.0))
_learned = learn(RATING, samples(), 8.4, "now")
assert _learned is not None
KNOWN: Battery = _learned


def run(
    readings: list[tuple[float | None, float | None, float | None]], step_s: float = 5.0
) -> tuple[Estimate, Minutes]:
    """A discharge from full; each reading is percent, volts, amperes."""
    state = step(Estimate(), KNOWN, 100.0, 8.4, 0.0, False, 0.0)
    for number, (percent, volts, amperes) in enumerate(readings, 1):
        state = step(state, KNOWN, percent, volts, amperes, True, number * step_s)
    return state, minutes(state, KNOWN)


def true(count: int) -> list[tuple[float | None, float | None, float | None]]:
    """Honest readings of the straight battery, one in five seconds."""
    fallen = [i * 5 / 108 for i in range(1, count + 1)]
    return [(100 - points, 8.4 - 0.024 * points, 10 / (8.4 - 0.024 * points)) for points in fallen]


def test_an_honest_gauge_is_believed() -> None:
    _, said = run(true(600))
    assert said.left == pytest.approx(180 - 50, rel=0.05) and not said.doubts
    assert said.at_least is not None and said.at_most is not None and said.at_least <= 130 <= said.at_most


@pytest.mark.parametrize("lie", [17.0, 0.0, 120.0, 100.0])
def test_a_percent_that_jumps_is_doubted_and_the_minutes_stay(lie: float) -> None:
    honest = true(900)
    state, said = run([*honest[:800], *[(lie, volts, amperes) for _, volts, amperes in honest[800:]]])
    assert said.left == pytest.approx(180 - 75, rel=0.1)
    assert ("percent" in said.doubts) == (0 <= lie <= 100) and not said.running_out
    assert state.span is not None


def test_a_voltage_that_collapses_alone_is_doubted() -> None:
    honest = true(900)
    _, said = run([*honest[:800], *[(percent, 6.05, 10 / 6.05) for percent, _, _ in honest[800:]]])
    assert said.left == pytest.approx(105, rel=0.1) and "voltage" in said.doubts and not said.running_out


def test_gauge_and_voltage_together_overrule_the_count() -> None:
    honest = true(900)
    late = [(percent - 40 if percent else None, volts - 0.96 if volts else None, 1.4) for percent, volts, _ in honest]
    _, said = run([*honest[:400], *late[400:]])
    assert said.left == pytest.approx(180 - 75 - 72, rel=0.15)


def test_two_that_contradict_from_the_start_are_unknown() -> None:
    state = Estimate()
    for number in range(20):
        state = step(state, KNOWN, 17.0 if number > 3 else None, 8.3, 1.2, True, number * 5.0)
    said = minutes(step(Estimate(), KNOWN, None, None, None, True, 0.0), KNOWN)
    assert (said.left, said.at_least, said.at_most) == (None, None, None)


LAST = 2_153  # readings of five seconds: a little over half a minute before the straight battery is empty


def test_the_last_minute_is_known_when_gauge_and_voltage_agree() -> None:
    _, said = run(true(LAST))
    assert said.running_out and said.left is not None and said.left < 1
    _, earlier = run(true(LAST - 12))
    assert not earlier.running_out


@pytest.mark.parametrize("lie", [(90.0, None), (None, 8.3)])
def test_who_was_caught_in_this_outage_ends_no_call(lie: tuple[float | None, float | None]) -> None:
    honest = true(LAST)
    percent, volts = lie
    caught = [(percent or said, volts or measured, amperes) for said, measured, amperes in honest[1_000:1_010]]
    _, said = run([*honest[:1_000], *caught, *honest[1_010:]])
    assert not said.running_out and not said.doubts and said.left is not None and said.left < 5


def test_a_voltage_that_was_wrong_when_charged_ends_no_call() -> None:
    state = step(Estimate(), KNOWN, 100.0, 8.1, 0.0, False, 0.0)
    for number, (percent, volts, amperes) in enumerate(true(LAST), 1):
        state = step(state, KNOWN, percent, volts, amperes, True, number * 5.0)
    assert state.voltage_right is False and not minutes(state, KNOWN).running_out


@given(one=st.tuples(st.floats(0, 50), st.floats(0, 50)), other=st.tuples(st.floats(0, 50), st.floats(0, 50)))
def test_what_two_spans_share(one: tuple[float, float], other: tuple[float, float]) -> None:
    spans = [Span(low_wh=min(each), wh=sum(each) / 2, high_wh=max(each)) for each in (one, other)]
    both = meet(*spans)
    low, high = max(each.low_wh for each in spans), min(each.high_wh for each in spans)
    assert (both is None) == (low > high)
    assert both is None or (both.low_wh, both.high_wh) == (low, high)


READING = st.tuples(
    st.none() | st.floats(-50, 250), st.none() | st.floats(-5, 70), st.none() | st.floats(-100, 100), st.booleans()
)


@settings(max_examples=150)
@given(st.lists(READING, max_size=40))
def test_whatever_is_read_the_answer_is_in_order_or_unknown(
    readings: list[tuple[float | None, float | None, float | None, bool]],
) -> None:
    state = Estimate()
    for number, (percent, volts, amperes, draining) in enumerate(readings):
        state = step(state, KNOWN, percent, volts, amperes, draining, number * 3.0)
        said = minutes(state, KNOWN)
        if said.left is not None and said.at_least is not None and said.at_most is not None:
            assert 0 <= said.at_least <= said.left + 1e-9 and said.left <= said.at_most + 1e-9
        else:
            assert (said.left, said.at_least, said.at_most, said.running_out) == (None, None, None, False)
