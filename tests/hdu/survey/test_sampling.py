"""What is written down of what is seen: nothing lost between samples, nothing made up of what is unknown."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import facts
from hdu.survey.sampling import LONGEST_S, MOST_SAMPLES, SHORTEST_S, Window, close, events, every_s, see, watched
from tests.firmware.test_verdict import GOOD
from tests.firmware.test_wire import values

WIRED, LTE = GOOD.uplinks


def status(wired: facts.Uplink) -> facts.Status:
    return msgspec.structs.replace(GOOD, uplinks=(wired, LTE))


def test_a_sample_is_the_mean_of_what_was_seen_and_its_peak() -> None:
    window = Window(since=10.0)
    for rtt_ms, loss in ((10.0, 0.0), (50.0, 0.2), (30.0, 0.1)):
        window = see(window, status(msgspec.structs.replace(WIRED, rtt_ms=rtt_ms, jitter_ms=2.0, loss=loss)))
    sample, after = close(window, 1_000.0, 15.0)
    assert (sample.at, sample.covers_s, after.since) == (1_000.0, 5.0, 15.0)
    wired = sample.lines[0]
    assert (wired.rtt_ms, wired.rtt_max_ms, wired.jitter_ms, wired.loss) == (30.0, 50.0, 2.0, 0.1)
    assert sample.two_kinds is True


def test_a_line_that_is_down_has_no_figures() -> None:
    down = msgspec.structs.replace(WIRED, state="down", rtt_ms=10.0, loss=0.5)
    sample, _ = close(see(Window(since=0.0), status(down)), 0.0, 1.0)
    assert (sample.lines[0].rtt_ms, sample.lines[0].loss, sample.two_kinds) == (None, None, False)


def test_a_quiet_unit_is_sampled_as_it_was_and_a_silent_one_as_unknown() -> None:
    _, window = close(see(Window(since=0.0), GOOD), 0.0, 1.0)
    assert close(window, 1.0, 2.0)[0].lines[0].name == "wired"
    silent, _ = close(Window(since=0.0), 1.0, 2.0)
    assert (silent.lines, silent.two_kinds, silent.clock_ms, silent.minutes_left) == ((), None, None, None)


@given(st.lists(values(facts.Status), min_size=1, max_size=5))
def test_no_sample_invents_a_value(seen: list[facts.Status]) -> None:
    window = Window(since=0.0)
    for each in seen:
        window = see(window, each)
    sample, _ = close(window, 0.0, 1.0)
    errors = [each.clock.error_ms for each in seen if each.clock.error_ms is not None]
    assert sample.clock_ms == (max(errors) if errors else None)
    assert {line.name for line in sample.lines} == {each.name for each in seen[-1].uplinks}


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["up", "down", "unknown"]), max_size=3)))
def test_events_tell_the_whole_story(story: list[dict[str, str]]) -> None:
    told: dict[str, str] = {}
    before: dict[str, str] = {}
    for at, after in enumerate(story):
        told |= {event.what: event.now for event in events(before, after, at)}
        before = {**dict.fromkeys(before, "unknown"), **after}
        assert told == before
    assert events(before, before, 0.0) == ()


def test_what_is_watched() -> None:
    assert watched(GOOD) == {"wired": "up", "lte": "up", "hub": "yes", "mains": "mains"}
    assert watched(None) == {}


@pytest.mark.parametrize("length_s", [1.0, 300.0, 20_000.0, 259_200.0])
def test_a_survey_stays_readable(length_s: float) -> None:
    assert SHORTEST_S <= every_s(length_s) <= LONGEST_S
    assert length_s / every_s(length_s) <= MOST_SAMPLES
