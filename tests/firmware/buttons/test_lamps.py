"""Patterns in time, and which lamp shows what."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.buttons import lamps
from firmware.facts import PanicState, Pattern, Provisioning
from hw.panel.recognise import Watched


@pytest.mark.parametrize(
    ("pattern", "rises", "share"),
    [("off", 0, 0.0), ("on", 0, 1.0), ("slow", 1, 0.5), ("fast", 4, 0.5), ("double", 2, 0.2)],
)
def test_a_second_of_each_pattern(pattern: Pattern, rises: int, share: float) -> None:
    shown = [lamps.lit(pattern, step / 1000) for step in range(1000)]
    assert sum(shown) / 1000 == pytest.approx(share)
    assert sum(after and not before for before, after in zip(shown[-1:] + shown, shown, strict=False)) == rises


@pytest.mark.parametrize("pattern", get_args(Pattern))
def test_a_lamp_answers_at_the_moment_it_is_set(pattern: Pattern) -> None:
    assert lamps.lit(pattern, 0.0) == (pattern != "off")


@given(st.sampled_from(["slow", "fast", "double"]), st.floats(0, 1e5), st.floats(0, 1e3))
def test_the_next_change_is_a_change_and_the_first(pattern: Pattern, since: float, age: float) -> None:
    at = lamps.next_change(pattern, since, since + age)
    assert at is not None
    assert since + age < at <= since + age + 1.0
    before, after = lamps.lit(pattern, at - since - 1e-6), lamps.lit(pattern, at - since + 1e-6)
    assert before != after


@given(st.lists(st.sampled_from(get_args(Pattern)), min_size=1, max_size=5), st.floats(0, 0.02))
def test_what_is_shown_is_what_is_recognised(patterns: list[Pattern], late_s: float) -> None:
    """Each pattern stands for 3.3 s and is followed by another; edges may be seen up to `late_s` late, by turns."""
    watched = Watched(0.0)
    for place, pattern in enumerate(patterns):
        since = 3.3 * place
        for tick in range(660):
            now = since + tick / 200
            watched.edge(lamps.lit(pattern, now - since), now + late_s * (tick % 2))
        assert watched.shown(since + 3.3) == pattern


@given(st.floats(0.0, 10.0))
def test_a_flashing_lamp_is_never_taken_for_an_answer(until: float) -> None:
    watched = Watched(0.0)
    for tick in range(int(until * 200)):
        watched.edge(lamps.lit("fast", tick / 200), tick / 200)
        assert watched.shown(tick / 200) in ("off", "fast")


@pytest.mark.parametrize(
    ("state", "faulty", "unsaved", "expected"),
    [
        ("idle", False, False, "off"),
        ("raised", False, False, "fast"),
        ("delivered", False, False, "slow"),
        ("acknowledged", False, False, "on"),
        ("idle", True, False, "double"),
        ("raised", True, False, "fast"),
        ("raised", False, True, "double"),
        ("acknowledged", False, True, "double"),
    ],
)
def test_the_panic_lamp(state: PanicState, faulty: bool, unsaved: bool, expected: Pattern) -> None:
    assert lamps.panic(state, faulty, unsaved) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [(None, "on"), (Provisioning(state="asked"), "slow"), (Provisioning(state="refused"), "double")],
)
def test_the_safe_lamp_of_a_blank_unit(told: Provisioning | None, expected: Pattern) -> None:
    assert lamps.of_blank(told) == expected


def test_nobody_asks_means_unknown() -> None:
    assert lamps.Request() == lamps.Request(mute="double", safe="red", mute_state=None)
    assert [lamps.safe(colour) for colour in ("off", "green", "red", "amber")] == [
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    ]
