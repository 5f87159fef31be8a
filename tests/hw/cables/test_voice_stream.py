"""The count of a voice stream, by table and by property."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hw.cables.voice_stream import LATE_S, PERIOD_S, Tally


def sent(count: int) -> Tally:
    tally = Tally()
    for number in range(count):
        tally.send(number * PERIOD_S)
    return tally


def test_lost_only_when_overdue() -> None:
    tally = sent(3)
    tally.arrive(1, 0.01)
    tally.arrive(3, 0.05)
    tally.expire(LATE_S)
    assert tally.lost == 0
    tally.expire(LATE_S + 0.1)
    assert (tally.received, tally.lost, tally.lost_numbers) == (2, 1, {2})


def test_a_second_copy_is_a_duplicate_and_a_late_one_is_not() -> None:
    tally = sent(2)
    tally.arrive(1, 0.01)
    tally.arrive(1, 0.02)
    tally.expire(10)
    tally.arrive(2, 10.1)
    assert (tally.received, tally.duplicated, tally.lost, tally.late) == (1, 1, 1, 1)


def test_the_gap_is_between_arrivals_and_counts_while_it_lasts() -> None:
    tally = sent(3)
    tally.arrive(1, 0.0)
    tally.arrive(2, 0.3)
    assert tally.summary(0.3)["longest_gap_ms"] == 300
    assert tally.gap_began == 0.0
    assert tally.summary(1.32)["longest_gap_ms"] == 1000


def test_a_packet_overtaken_makes_no_gap() -> None:
    tally = sent(3)
    for number, at in ((1, 0.02), (3, 0.06), (2, 0.07)):
        tally.arrive(number, at)
    assert tally.summary(0.07)["longest_gap_ms"] == 40


def test_the_senders_pause_is_told() -> None:
    tally = Tally()
    for at in (0.0, 0.02, 0.12):
        tally.send(at)
    assert tally.summary(0.12)["sender_pause_ms"] == 100


@given(st.integers(1, 200), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_every_packet_is_counted_once(count: int, loss: float, twice: float, seed: int) -> None:
    chance, tally = random.Random(seed), sent(count)
    arriving = [number for number in range(1, count + 1) if chance.random() >= loss]
    copies = [number for number in arriving if chance.random() < twice]
    for number in sorted(arriving + copies):
        tally.arrive(number, 0.0)
    tally.expire(count * PERIOD_S + LATE_S + 1)
    assert (tally.received, tally.duplicated, tally.lost) == (len(arriving), len(copies), count - len(arriving))
