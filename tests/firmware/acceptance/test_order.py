"""Who may accept, and when nobody may."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from firmware.acceptance.order import LONGEST_NAME, PATIENCE_S, Order, Seen, barred, disturbed, order, unknown
from firmware.facts import Call, Shift
from tests.firmware.test_verdict import GOOD

FREE = replace(GOOD, shift=Shift(on=False))


def test_a_name_a_number_and_a_patience_are_taken_as_they_are() -> None:
    assert order(" Sam Field ", "PNL-00317\n", 180.0) == Order("Sam Field", "PNL-00317", 180.0)
    assert order("Sam", "", 1).panel == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("", "", 180.0), "the technician's name"),
        (("  ", "", 180.0), "the technician's name"),
        (("Sam\x1b[2J", "", 180.0), "the technician's name"),
        (("S" * (LONGEST_NAME + 1), "", 180.0), "the technician's name"),
        (("Sam", "PNL\x07", 180.0), "the panel's number"),
        (("Sam", "", 0.5), "is no patience"),
        (("Sam", "", PATIENCE_S[1] + 1), "is no patience"),
        (("Sam", "", float("nan")), "is no patience"),
    ],
)
def test_what_is_none_is_refused_in_words(given: tuple[str, str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        order(*given)


@given(st.text(), st.text(), st.floats())
def test_whatever_is_taken_can_stand_in_a_report(technician: str, panel: str, patience_s: float) -> None:
    try:
        found = order(technician, panel, patience_s)
    except ValueError as refused:
        assert str(refused).isprintable()
        return
    assert found.technician and found.technician.isprintable()
    assert len(found.technician) <= LONGEST_NAME >= len(found.panel)
    assert PATIENCE_S[0] <= found.patience_s <= PATIENCE_S[1]


@pytest.mark.parametrize(
    ("sections", "open_alerts", "words"),
    [
        ({}, 0, ""),
        ({"call": Call(state="ringing")}, 0, "a call is ringing"),
        ({"call": Call(state="active")}, 0, "a call is active"),
        ({"shift": Shift(on=True, who="Kim")}, 0, "Kim is on shift"),
        ({"shift": Shift(on=True)}, 0, "somebody is on shift"),
        ({}, 2, "2 alert(s) wait for a person"),
    ],
)
def test_it_waits_for_a_call_a_shift_and_an_alert(sections: dict[str, Any], open_alerts: int, words: str) -> None:
    status = replace(FREE, **sections)
    assert barred(Seen(status, open_alerts)).startswith(words) and bool(barred(Seen(status, open_alerts))) == bool(
        words
    )
    assert bool(disturbed(status)) == bool(sections)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(FREE, 0), ""),
        (Seen(replace(FREE, call=Call()), 0), "whether a call is on"),
        (Seen(replace(FREE, shift=Shift()), 0), "whether somebody is on shift"),
        (Seen(FREE, None), "whether an alert is open"),
    ],
)
def test_what_is_not_known_is_not_taken_for_well(seen: Seen, words: str) -> None:
    assert words in unknown(seen) and bool(unknown(seen)) == bool(words)
    assert not barred(seen)
