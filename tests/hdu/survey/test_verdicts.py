"""The verdict: each requirement broken alone is found, what was not measured is not met, and no line hides another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from firmware.config import Site
from hdu.survey.record import Recording
from hdu.survey.sampling import Begin, Entry, Event, Line, Sample
from hdu.survey.verdicts import Outcome, judge, mouth_to_ear_ms, probes, quantile, r_factor, whole
from tests.hdu.survey.home import BEGAN, HOUR_S, LENGTH_S, home, line, written

SITE = Site()
GOOD = home()
OUTCOMES: list[Outcome] = ["met", "condition", "not met", "not shown"]


def recording(entries: list[Entry]) -> Recording:
    assert isinstance(entries[0], Begin)
    return Recording(entries[0], tuple(entries), 0)


def samples(**change: Any) -> list[Entry]:
    return [replace(each, **change) if isinstance(each, Sample) else each for each in GOOD]


def lines(change: Callable[[Line], Line]) -> list[Entry]:
    return [replace(each, lines=tuple(map(change, each.lines))) if isinstance(each, Sample) else each for each in GOOD]


def slow(of: Line) -> Line:
    return replace(of, rtt_ms=300.0, rtt_max_ms=300.0)


def lossy(of: Line) -> Line:
    return replace(of, loss=0.2)


def found(entries: list[Entry]) -> dict[tuple[str, str], Outcome]:
    verdict = judge(recording(entries), SITE)
    return {(each.subject, each.what.rstrip(" *")): each.outcome for each in verdict.findings}


def test_a_good_home_is_fit() -> None:
    verdict = judge(recording(GOOD), SITE)
    assert {each.outcome for each in verdict.findings} == {"met"}
    assert verdict.whole == "fit"


AT_FIRST = found(GOOD)
CASES: list[tuple[list[Entry], tuple[str, str], Outcome]] = [
    (lines(slow), ("voice", "one-way delay"), "not met"),
    (lines(slow), ("lte", "one-way delay"), "condition"),
    (lines(lossy), ("voice", "voice quality, R"), "not met"),
    (lines(lossy), ("wired", "packets lost"), "condition"),
    (lines(lambda of: replace(of, jitter_ms=60.0)), ("wired", "jitter"), "condition"),
    (lines(lambda of: replace(of, rtt_ms=None, rtt_max_ms=None)), ("voice", "one-way delay"), "not shown"),
    (samples(clock_ms=None), ("clock", "error"), "not shown"),
    (samples(clock_ms=101.0), ("clock", "error"), "not met"),
    (samples(noise_dbfs=-30.0), ("room", "noise"), "condition"),
    (samples(noise_dbfs=None), ("room", "noise"), "not shown"),
    (samples(minutes_left=12.0), ("power", "battery lasts at least"), "not met"),
    (samples(minutes_left=None), ("power", "battery lasts at least"), "not shown"),
    (samples(signal_dbm=-110.0), ("LTE", "signal"), "condition"),
    (samples(two_kinds=False), ("centre", "two kinds of network line up"), "not met"),
    ([*GOOD, Event(at=BEGAN + LENGTH_S, what="hub", now="no"), Sample(at=BEGAN + LENGTH_S + 900, covers_s=900)],
     ("centre", "reached"), "not met"),
    ([*GOOD, *(Event(at=BEGAN + LENGTH_S + n, what="mains", now=("battery", "mains")[n % 2]) for n in range(8))],
     ("power", "mains lost"), "condition"),
    ([*GOOD, Event(at=BEGAN + LENGTH_S, what="lte", now="down"), Sample(at=BEGAN + LENGTH_S + HOUR_S, covers_s=HOUR_S)],
     ("lte", "up"), "condition"),
    ([each for each in GOOD if each.at < BEGAN + HOUR_S], ("survey", "measured for"), "condition"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "where", "outcome"), CASES, ids=lambda value: str(value)[:40])
def test_each_requirement_broken_alone_is_found(entries: list[Entry], where: tuple[str, str], outcome: Outcome) -> None:
    assert AT_FIRST[where] == "met"
    assert found(entries)[where] == outcome


def test_nothing_measured_is_nothing_shown() -> None:
    verdict = judge(recording(GOOD[:1]), SITE)
    assert verdict.whole == "not shown"


@given(st.sets(st.sampled_from(OUTCOMES)))
def test_the_whole_is_as_good_as_its_worst_line(outcomes: set[Outcome]) -> None:
    assert (whole(outcomes) == "fit") == (outcomes == {"met"})
    assert (whole(outcomes) == "not fit") == ("not met" in outcomes)
    assert whole(outcomes) != "fit with conditions" or not outcomes & {"not met", "not shown"}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values_and_orders_them(values: list[float], part: float) -> None:
    value = quantile(values, part)
    assert value in values and value is not None
    assert sum(each < value for each in values) <= part * len(values)
    assert quantile([None, *values], part) == value


def test_no_loss_is_not_shown_by_few_probes() -> None:
    short = [(60.0, replace(line("lte", 50.0), kind="lte", active=False))]
    assert probes(short, SITE.failover) == pytest.approx(6.0)
    few = [each for each in GOOD if each.at < BEGAN + 600]
    verdict = judge(recording(few), SITE)
    (lost,) = [each for each in verdict.findings if (each.subject, each.what) == ("lte", "packets lost")]
    assert lost.outcome == "condition" and "3000 are needed" in lost.note


def test_what_the_voice_figures_are_made_of() -> None:
    assert mouth_to_ear_ms(40.0, SITE) == 20 + 20 + SITE.calls.playout_ms
    good, bad = r_factor(line("wired", 40.0), SITE), r_factor(line("wired", 40.0, loss=0.05), SITE)
    assert good is not None and bad is not None and good > 85 > 80 > bad
    assert r_factor(replace(line("wired", 40.0), loss=None), SITE) is None


def test_a_survey_is_judged_as_it_is_read(tmp_path: Path) -> None:
    assert judge(written(tmp_path / "s", GOOD), SITE) == judge(recording(GOOD), SITE)
