"""A release that was booted is good on the unit's own evidence, or goes back and says why: by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.release.proof import LIMIT_S, STEADY_S, Evidence, Proof, decide, lacking

WELL = Evidence(panel=True, headset=True, uplink=True, services=("Panel", "Power"))


def outcome(story: list[tuple[float, Evidence]], hub: bool = True, headset: bool = True) -> tuple[str, float, str]:
    """What is decided, when and for what lack, of evidence that holds for so many seconds one after another."""
    state, now_s = Proof(0.0), 0.0
    for seconds, evidence in story:
        for _ in range(int(seconds)):
            lacks = lacking(evidence, hub, headset, ("Panel", "Power"))
            state, action = decide(state, lacks, now_s)
            if action != "wait":
                return action, now_s, lacks
            now_s += 1
    return "wait", now_s, ""


def but(**changes: object) -> Evidence:
    return Evidence(**{"panel": True, "headset": True, "uplink": True, "services": WELL.services, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (but(panel=None), "the panel is not read"),
        (but(panel=False), "the panel is not read"),
        (but(headset=None), "the headset does not open"),
        (but(headset=False), "the headset does not open"),
        (but(uplink=None), "no uplink proves itself"),
        (but(uplink=False), "no uplink proves itself"),
        (but(services=("Panel",)), "not running: Power"),
        (but(services=()), "not running: Panel, Power"),
    ],
)
def test_what_is_lacking_goes_back_and_is_said(evidence: Evidence, words: str) -> None:
    assert outcome([(2_000, evidence)]) == ("back", LIMIT_S, words)


def test_all_of_it_for_a_minute_is_good() -> None:
    assert outcome([(2_000, WELL)]) == ("good", STEADY_S, "")
    assert outcome([(50, WELL), (1, but(services=("Panel",))), (2_000, WELL)]) == ("good", 51 + STEADY_S, "")


def test_what_was_not_there_before_need_not_be_there_after() -> None:
    """A hub that was away, a headset that was unplugged for the night."""
    assert outcome([(2_000, but(uplink=False, headset=False))], hub=False, headset=False)[0] == "good"
    assert outcome([(2_000, but(uplink=False))], hub=True)[0] == "back"


def test_a_service_that_crashes_and_comes_back_is_not_good() -> None:
    crashing = [(20.0, WELL), (2.0, but(services=("Panel",)))] * 60
    assert outcome(crashing)[0] == "back"


@given(
    st.lists(st.tuples(st.integers(1, 200), st.sampled_from([WELL, but(panel=None), but(uplink=False)])), max_size=20)
)
def test_it_always_ends_and_never_calls_good_what_just_lacked_something(story: list[tuple[int, Evidence]]) -> None:
    action, at_s, lacks = outcome([*((float(seconds), each) for seconds, each in story), (2_000.0, WELL)])
    assert action in ("good", "back") and bool(lacks) is (action == "back")
    assert at_s <= LIMIT_S + STEADY_S + 1
