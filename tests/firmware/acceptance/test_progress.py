"""What becomes of a walk, line by line: nothing after its end, and never more than the bus takes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from firmware.acceptance.finding import Finding
from firmware.acceptance.progress import MOST_FINDINGS, Asked, Failed, Found, Line, Signed, Walk, after, begun

BEGUN = begun("Sam Field", "2026-11-22T21:00:00.000Z")
ONE = Finding("mute", "passed", "silence was measured", 1.25)
LINES = st.one_of(st.builds(Asked), st.builds(Found), st.builds(Signed), st.builds(Failed))


def walked(*lines: Line) -> Walk:
    found = BEGUN
    for line in lines:
        found = after(found, line)
    return found


def test_a_walk_from_its_beginning_to_its_end() -> None:
    asked = walked(Asked("mute", "Press MUTE once."))
    assert (asked.state, asked.step, asked.ask) == ("running", "mute", "Press MUTE once.")
    assert after(asked, Found(ONE)).findings == (ONE,)
    ended = walked(Asked("mute", "Press MUTE once."), Found(ONE), Signed("accepted", "{}"))
    assert (ended.state, ended.step, ended.ask, ended.verdict) == ("ended", "", "", "accepted")
    assert ended.findings == (ONE,) and ended.technician == "Sam Field"


@pytest.mark.parametrize("last", [Signed("not accepted", "{}"), Failed("stopped")])
@given(st.lists(LINES))
def test_what_has_ended_stays_as_it_ended(last: Line, more: list[Line]) -> None:
    ended = walked(last)
    for line in more:
        assert after(ended, line) == ended


@given(st.lists(LINES))
def test_it_is_told_over_the_bus_as_it_is(lines: list[Line]) -> None:
    found = walked(*(msgspec.json.decode(msgspec.json.encode(line), type=Line) for line in lines))
    assert wire.fact(Walk, wire.properties(found)) == found
    assert (found.state == "running") == (not found.verdict and not found.reason) or found.state == "ended"


def test_no_more_findings_than_a_message_holds() -> None:
    assert len(walked(*[Found(ONE)] * (MOST_FINDINGS + 5)).findings) == MOST_FINDINGS
