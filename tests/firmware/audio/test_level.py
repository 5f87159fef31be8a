"""Levels against signals whose level is known, and the meter through what happens to a microphone."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.audio.level import FLOOR_DBFS, FULL_SCALE, Meter, Period, dbfs, limit, measure, meter, shown
from firmware.config import HeadsetPolicy

POLICY = HeadsetPolicy()
RATE_HZ = 8_000


def sine(peak: float, seconds: float = 0.1) -> "array[int]":
    count = round(seconds * RATE_HZ)
    return array("h", (round(peak * math.sin(2 * math.pi * 400 * index / RATE_HZ)) for index in range(count)))


def period(peak: float, seconds: float = 0.1) -> Period:
    return measure(sine(peak, seconds), RATE_HZ, POLICY.silence_dbfs)


def after(*periods: Period, live: bool = True) -> Meter:
    state = Meter()
    for each in periods:
        state = meter(state, each, live, POLICY)
    return state


@pytest.mark.parametrize(("level_dbfs", "peak"), [(0, FULL_SCALE - 1), (-20, 3276.8), (-40, 327.68), (-60, 32.768)])
def test_a_sine_reads_its_level(level_dbfs: float, peak: float) -> None:
    """AES17: a full-scale sine is 0 dBFS."""
    assert after(period(peak)).level_dbfs == pytest.approx(level_dbfs, abs=0.2)


def test_silence_reads_the_floor_and_nothing_reads_lower() -> None:
    assert dbfs(0.0, 800) == dbfs(1e-9, 800) == dbfs(0.0, 0) == FLOOR_DBFS


@given(st.lists(st.integers(-FULL_SCALE, FULL_SCALE - 1), min_size=1, max_size=200))
def test_the_silent_tail_is_what_follows_the_last_sound(values: list[int]) -> None:
    found = measure(array("h", values), RATE_HZ, POLICY.silence_dbfs)
    largest = limit(POLICY.silence_dbfs)
    loud = [index for index, value in enumerate(values) if abs(value) > largest]
    silent = len(values) - (loud[-1] + 1 if loud else 0)
    assert found.silent_tail_s == pytest.approx(silent / RATE_HZ)
    assert (found.silent_tail_s == found.period_s) is not bool(loud)


def test_one_loud_sample_is_sound() -> None:
    values = array("h", [0] * 800)
    values[700] = limit(POLICY.silence_dbfs) + 1
    assert measure(values, RATE_HZ, POLICY.silence_dbfs).silent_tail_s == pytest.approx(99 / RATE_HZ)


def test_the_meter_gathers_a_tenth_of_a_second() -> None:
    assert after(period(3277, 0.05)).level_dbfs is None
    assert after(period(3277, 0.05), period(3277, 0.05)).level_dbfs == pytest.approx(-20, abs=0.2)


def test_the_noise_floor_is_the_quietest_of_the_last_seconds() -> None:
    quiet, loud = period(20), period(5_000)
    assert after(*[loud] * 10, quiet, *[loud] * 10).noise_floor_dbfs == pytest.approx(-64, abs=0.5)
    assert after(quiet, *[loud] * 101).noise_floor_dbfs == pytest.approx(-16, abs=0.5)


def test_a_muted_microphone_says_nothing_about_the_room() -> None:
    assert after(period(20), live=False).noise_floor_dbfs is None
    assert after(period(0)).noise_floor_dbfs is None


def test_clipping_shows_for_two_seconds() -> None:
    clipped, calm = period(FULL_SCALE - 1), period(1_000)
    assert after(calm).clipping is False
    assert after(clipped, *[calm] * 10).clipping is True
    assert after(clipped, *[calm] * 21).clipping is False


def test_a_dead_microphone_is_digital_silence_for_long() -> None:
    silence = period(0)
    count = round(POLICY.dead_microphone_s / 0.1)
    assert after(silence).dead is None
    assert after(*[silence] * (count + 1)).dead is True
    assert after(*[silence] * (count + 1), period(20)).dead is False
    assert after(*[silence] * (count + 1), live=False).dead is None


@pytest.mark.parametrize(
    ("before", "now", "then"), [(None, -40.0, -40.0), (-40.0, -40.9, -40.0), (-40.0, -41.0, -41.0)]
)
def test_less_than_a_decibel_is_not_worth_a_message(before: float | None, now: float, then: float) -> None:
    assert shown(before, now) == then
