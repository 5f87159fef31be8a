"""The self-test finds its sweep wherever it is, says when it is not there, and judges in words."""

import math
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.audio.sweep import MATCH, RATE_HZ, Echo, _likeness, find, judge, sweep

SAMPLE = st.integers(-32_768, 32_767)
GOOD = Echo(match=0.9, delay_ms=42.0, gain_db=-12.0)


def heard(delay: int, gain: float, noise: int, seed: int = 1) -> "array[int]":
    """The sweep, `delay` samples late, weaker, in a room."""
    source = random.Random(seed)
    sent, whole = sweep(), array("h", [0] * 4_800)
    for index, sample in enumerate(sent):
        whole[delay + index] = round(sample * gain)
    return array("h", (sample + source.randint(-noise, noise) for sample in whole))


@settings(max_examples=8, deadline=None)
@given(delay=st.integers(0, 2_500), gain=st.sampled_from([1.0, 0.1, -0.05]), seed=st.integers(0, 9))
def test_the_sweep_is_found_to_the_sample(delay: int, gain: float, seed: int) -> None:
    found = find(sweep(), heard(delay, gain, 20, seed))
    assert found.delay_ms == pytest.approx(delay * 1000 / RATE_HZ)
    assert found.gain_db == pytest.approx(20 * math.log10(abs(gain)), abs=0.5)


def test_noise_alone_is_not_taken_for_the_sweep() -> None:
    found = find(sweep(), heard(0, 0.0, 2_000))
    assert found.match < MATCH
    assert (found.delay_ms, found.gain_db) == (None, None)


@pytest.mark.parametrize("samples", [0, 100, 4_800])
def test_nothing_heard_matches_nothing(samples: int) -> None:
    assert find(sweep(), array("h", [0] * samples)) == Echo(match=0.0)


def test_a_good_headset_is_fit_and_what_was_measured_is_told() -> None:
    verdict = judge(GOOD, -60.0, False)
    assert verdict.fit
    assert verdict.findings[1:] == ("round trip 42 ms, level -32 dBFS (-12 dB), noise floor of the room -60 dBFS",)


def test_what_was_not_measured_is_told_as_unknown() -> None:
    measured = judge(Echo(match=0.1), None, None).findings[-1]
    assert measured == "round trip unknown, level unknown, noise floor of the room unknown"


@pytest.mark.parametrize(
    ("echo", "floor", "clipping", "word"),
    [
        (Echo(match=0.1), -60.0, False, "nothing was heard"),
        (Echo(match=0.9, delay_ms=42.0, gain_db=-60.0), -60.0, False, "60 dB weaker"),
        (Echo(match=0.9, delay_ms=400.0, gain_db=-12.0), -60.0, False, "400 ms"),
        (GOOD, -30.0, False, "loud"),
        (GOOD, None, False, "not measured"),
        (GOOD, -60.0, True, "overdriven"),
    ],
)
def test_what_is_wrong_is_said(echo: Echo, floor: float | None, clipping: bool | None, word: str) -> None:
    verdict = judge(echo, floor, clipping)
    assert not verdict.fit
    assert any(word in finding for finding in verdict.findings)


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(judge(Echo(match=0.0), None, True).findings) == 4


@given(st.lists(SAMPLE, min_size=1, max_size=8), st.lists(SAMPLE, min_size=8, max_size=30))
def test_likeness_is_the_normalised_cross_correlation_at_every_place(sent: list[int], heard: list[int]) -> None:
    at = _likeness(sent, heard)
    for start in range(len(heard) - len(sent) + 1):
        window = heard[start : start + len(sent)]
        product = abs(sum(one * other for one, other in zip(sent, window, strict=True)))
        energies = sum(each * each for each in sent) * sum(each * each for each in window)
        assert at(start) == pytest.approx(product / math.sqrt(energies) if energies else 0.0)
