"""The policy by table, and by a machine that tries everything in every order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from firmware.config import PowerPolicy
from firmware.supply.minutes import Minutes
from firmware.supply.policy import Action, Policy, Seen, decide

LIMITS = PowerPolicy()
LOST = Seen(mains=False, minutes=Minutes(at_least=60, left=80, at_most=100), call=False)


def at(minutes: float | None, *, call: bool | None = False, out: bool = False, low: bool | None = None) -> Seen:
    said = Minutes() if minutes is None else Minutes(at_least=minutes, left=minutes, at_most=minutes, running_out=out)
    return Seen(mains=False, minutes=said, call=call, low=low)


def play(*steps: tuple[float, Seen]) -> tuple[Policy, list[Action]]:
    state, done = Policy(state="normal"), list[Action]()
    for now, seen in steps:
        state, actions = decide(state, seen, LIMITS, now)
        done += actions
    return state, done


@pytest.mark.parametrize(
    ("steps", "state", "stage", "done"),
    [
        ([(0, Seen(mains=True))], "normal", "", []),
        ([(0, Seen(mains=None))], None, "", []),
        ([(0, LOST)], "on-battery", "", ["save"]),
        ([(0, LOST), (1, Seen(mains=None))], "on-battery", "", ["save"]),
        ([(0, LOST), (1, Seen(mains=True))], "normal", "", ["save", "resume"]),
        ([(0, at(14))], "low", "", ["save", "warn"]),
        ([(0, at(14)), (1, at(16))], "low", "", ["save", "warn"]),
        ([(0, at(14)), (1, at(40))], "on-battery", "", ["save", "warn"]),
        ([(0, at(None)), (59, at(None))], "on-battery", "", ["save"]),
        ([(0, at(None)), (60, at(None))], "low", "", ["save", "warn"]),
        ([(0, at(50, low=True))], "low", "", ["save", "warn"]),
        ([(0, at(14, low=True))], "ending", "holding", ["save", "warn", "flush"]),
        ([(0, at(3))], "ending", "holding", ["save", "warn", "flush"]),
        ([(0, at(3, call=True))], "ending", "handing-over", ["save", "warn", "hand-over", "flush"]),
        ([(0, at(3, call=True)), (1, at(3))], "ending", "holding", ["save", "warn", "hand-over", "flush"]),
        (
            [(0, at(1, call=None)), (99, at(0.1, call=None))],
            "ending",
            "holding",
            ["save", "warn", "hand-over", "flush"],
        ),
    ],
)
def test_one_thing_after_another(
    steps: list[tuple[float, Seen]], state: str | None, stage: str, done: list[Action]
) -> None:
    policy, actions = play(*steps)
    assert (policy.state, policy.stage, actions) == (state, stage, done)


def test_the_order_of_a_stop_with_a_call() -> None:
    busy, idle, out = at(3, call=True), at(1.5), at(1.5)
    policy, done = play((0, busy), (20, idle), (21, out), (22, out), (28, out))
    assert done == ["save", "warn", "hand-over", "flush", "flush", "power-off"] and policy.stage == "off"


@pytest.mark.parametrize("stage_at", [0.5, 1.5, 2.5])
def test_mains_back_undoes_it_at_any_point(stage_at: float) -> None:
    steps = [(0.0, at(3)), (1.0, at(1.5)), (2.0, at(1.5))]
    before = [each for each in steps if each[0] < stage_at]
    policy, done = play(*before, (stage_at, Seen(mains=True)), (60, Seen(mains=True)))
    assert policy == Policy(state="normal") and "power-off" not in done and done[-1] == "resume"


def test_mains_back_after_the_order_starts_the_unit_again() -> None:
    policy, done = play((0, at(1)), (1, at(1)), (2, at(1)), (9, at(1)), (10, Seen(mains=True)))
    assert done[-3:] == ["power-off", "resume", "restart"] and policy.state == "normal"


def test_a_call_that_nobody_takes_is_handed_over_again() -> None:
    _, done = play(*[(float(now), at(3, call=True)) for now in range(0, 130, 10)])
    assert done.count("hand-over") == 2


def test_a_call_in_the_grace_stops_the_stop() -> None:
    policy, done = play((0, at(1)), (1, at(1)), (2, at(1, call=True)))
    assert policy.stage == "handing-over" and done[-1] == "hand-over"


BUSY, GONE = at(3, call=True), at(1, call=None, out=True)


@pytest.mark.parametrize(
    ("steps", "state", "stage"),
    [
        ([(0, at(15.01))], "on-battery", ""),
        ([(0, at(15))], "low", ""),
        ([(0, at(4.01))], "low", ""),
        ([(0, at(4))], "ending", "holding"),
        ([(0, at(15.01, low=True))], "low", ""),
        ([(0, at(15, low=True))], "ending", "holding"),
        ([(0, at(15)), (1, at(22.5))], "low", ""),
        ([(0, at(15)), (1, at(22.51))], "on-battery", ""),
        ([(0, at(4)), (1, at(6))], "ending", "holding"),
        ([(0, at(4)), (1, at(6.01))], "low", ""),
        ([(0, at(4)), (1, at(None))], "ending", "holding"),
        ([(0, BUSY), (59.9, BUSY)], "ending", "handing-over"),
        ([(0, BUSY), (60, BUSY)], "ending", "holding"),
        ([(0, BUSY), (1, replace(BUSY, transferred=True))], "ending", "holding"),
        ([(0, BUSY), (1, replace(BUSY, transferred=False))], "ending", "holding"),
        ([(0, BUSY), (1, at(0.5, call=True, out=True))], "ending", "holding"),
        ([(0, BUSY), (60, BUSY), (119.9, BUSY)], "ending", "holding"),
        ([(0, BUSY), (60, BUSY), (120, BUSY)], "ending", "handing-over"),
        ([(0, BUSY), (60, BUSY), (120, at(3, call=None))], "ending", "holding"),
        ([(0, at(3)), (1, at(2.01))], "ending", "holding"),
        ([(0, at(3)), (1, at(2))], "ending", "grace"),
        ([(0, at(3)), (1, at(2)), (2, at(3))], "ending", "holding"),
        ([(0, at(3)), (1, at(2)), (2, BUSY)], "ending", "handing-over"),
        ([(0, at(3)), (1, at(2)), (2, at(3, call=None))], "ending", "holding"),
        (
            [(0, at(3, call=None)), (60, at(1, call=None, out=True)), (61, at(1, call=None, out=True))],
            "ending",
            "grace",
        ),
        ([(0, at(3)), (1, at(2)), (5.9, at(2))], "ending", "grace"),
        ([(0, at(3)), (1, at(2)), (6, at(2))], "ending", "off"),
        ([(0, at(3)), (1, at(2)), (60, replace(at(2), lost_now=False))], "ending", "grace"),
        ([(0, at(0.5)), (1, at(0.5)), (3.9, at(0.5))], "ending", "grace"),
        ([(0, at(0.5)), (1, at(0.5)), (4, at(0.5))], "ending", "off"),
        ([(0, at(None, low=True)), (1, at(None, low=True)), (5.9, at(None, low=True))], "ending", "grace"),
        ([(0, at(None, low=True)), (1, at(None, low=True)), (6, at(None, low=True))], "ending", "off"),
    ],
)
def test_each_step_at_its_very_bound(steps: list[tuple[float, Seen]], state: str, stage: str) -> None:
    policy, _ = play(*steps)
    assert (policy.state, policy.stage) == (state, stage)


SEEN = st.builds(
    Seen,
    mains=st.sampled_from([True, False, False, False, None]),
    lost_now=st.booleans(),
    minutes=st.builds(
        lambda least, out: Minutes() if least is None else Minutes(at_least=least, left=least, running_out=out),
        st.none() | st.floats(0, 30),
        st.booleans(),
    ),
    call=st.sampled_from([True, False, None]),
    low=st.sampled_from([True, False, None]),
    transferred=st.sampled_from([True, False, None]),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.floats(0, 70), SEEN), max_size=60))
def test_whatever_happens(steps: list[tuple[float, Seen]]) -> None:
    state, now, saving = Policy(), 0.0, False
    for passed_s, seen in steps:
        now += passed_s
        before, (state, actions) = state, decide(state, seen, LIMITS, now)
        saving = (saving or "save" in actions) and not {"resume", "restart"} & set(actions)
        assert saving == (state.state in ("on-battery", "low", "ending"))
        if "power-off" in actions:
            assert before.stage == "grace" and seen.mains is not True and seen.lost_now
            assert seen.call is False or seen.minutes.running_out
            assert actions == ("flush", "power-off")
        assert (state.stage == "") or state.state == "ending"
