"""The bench's own measure of a gap, on sound whose gaps are known."""

import math
from array import array

import pytest

from tests.bench.listening import PIECE, gap_ms, laid, levels, offset

RATE_HZ = 8_000


def speech(seconds: float) -> "array[int]":
    """A tone with syllables of ever different length."""
    return array(
        "h",
        (
            round(8_000 * abs(math.sin(2 * math.pi * (2 + math.sin(n / 9_000)) * n / RATE_HZ)) * math.sin(n / 3))
            for n in range(int(seconds * RATE_HZ))
        ),
    )


def test_silence_and_full_scale() -> None:
    assert levels(array("h", [0] * 80), RATE_HZ) == [-120.0]
    assert levels(array("h", [32_767] * 80), RATE_HZ) == [pytest.approx(0, abs=0.01)]


@pytest.mark.parametrize("late", [0, 7, 41])
def test_it_finds_how_late_it_is_heard(late: int) -> None:
    said = levels(speech(4), RATE_HZ)
    assert offset(said, said[late : late + 300]) == late


def test_it_keeps_finding_it_though_it_slips() -> None:
    said = levels(speech(20), RATE_HZ)
    heard = [*said[100:500], *said[510:910], *said[930:1130]]
    assert laid(said, heard) == [100, 300, 510, 710, 930]
    assert PIECE == 200


def test_no_gap_in_what_was_heard_whole() -> None:
    said = levels(speech(2), RATE_HZ)
    assert gap_ms(said, [level - 6 for level in said]) == 0


@pytest.mark.parametrize("lost_ms", [20, 100, 250])
def test_a_gap_is_as_long_as_the_sound_that_is_missing(lost_ms: int) -> None:
    loud = array("h", [8_000, -8_000] * RATE_HZ)
    heard = array("h", loud)
    first, count = RATE_HZ // 2, RATE_HZ * lost_ms // 1000
    heard[first : first + count] = array("h", [0] * count)
    assert gap_ms(levels(loud, RATE_HZ), levels(heard, RATE_HZ)) == lost_ms
