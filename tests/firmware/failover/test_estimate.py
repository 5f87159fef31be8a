"""Round trips, time-outs, loss and one-way delay against the formulas they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.failover.estimate import Clock, RoundTrip, exchanged, loss, measured, one_way_ms, timeout_ms

delays = st.floats(0.1, 2_000)


def test_the_first_round_trip_is_taken_whole() -> None:
    assert measured(RoundTrip(), 80.0) == RoundTrip(80.0, 40.0)


def test_each_further_one_moves_mean_and_deviation_as_rfc_6298_says() -> None:
    path = measured(RoundTrip(80.0, 40.0), 160.0)
    assert path.srtt_ms == pytest.approx(90.0)
    assert path.rttvar_ms == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("path", "expected_ms"),
    [
        (RoundTrip(), 400.0),
        (RoundTrip(100.0, 10.0), 140.0),
        (RoundTrip(100.0, 0.5), 105.0),
        (RoundTrip(2.0, 0.1), 20.0),
        (RoundTrip(300.0, 90.0), 400.0),
    ],
)
def test_the_time_out_is_between_floor_and_ceiling(path: RoundTrip, expected_ms: float) -> None:
    assert timeout_ms(path, 20.0, 400.0) == pytest.approx(expected_ms)


def test_loss_is_a_share_of_what_was_seen_and_unknown_before() -> None:
    assert loss(0, 0) is None
    assert loss(0b101, 4) == 0.5
    assert loss((1 << 64) - 1, 1_000) == 1.0


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=30), st.floats(-1e6, 1e6))
def test_a_one_way_delay_is_right_within_the_clock_s_own_error(ways: list[tuple[float, float]], ahead: float) -> None:
    """Whatever the two directions are and however far the clocks are apart."""
    clock, now = Clock(), 0.0
    for there, back in ways:
        now += 1.0
        sent, hub, received = now * 1000, now * 1000 + there + ahead, now * 1000 + there + back
        clock = exchanged(clock, sent, hub, received, now)
        slower = one_way_ms(clock, sent, hub, received)
        assert abs(slower - max(there, back)) <= clock.error_ms + 1e-3
        assert (there + back) / 2 - 1e-3 <= slower <= there + back + 1e-3


def test_the_best_exchange_is_kept_until_it_has_aged() -> None:
    clock = exchanged(Clock(), 0.0, 505.0, 10.0, 0.0)
    assert (clock.ahead_ms, clock.error_ms) == (500.0, 5.0)
    assert exchanged(clock, 1_000.0, 1_560.0, 1_100.0, 1.0) is clock, "a worse one"
    aged = exchanged(clock, 900_000.0, 900_550.0, 900_100.0, 900.0)
    assert aged.error_ms == 50.0, "by then the old one may be 95 ms off"


def test_a_hub_whose_clock_was_set_is_believed_at_once() -> None:
    clock = exchanged(Clock(), 0.0, 505.0, 10.0, 0.0)
    assert exchanged(clock, 1_000.0, 9_050.0, 1_100.0, 1.0).ahead_ms == 8_000.0
