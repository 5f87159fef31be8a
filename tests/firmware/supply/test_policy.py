"""The policy by table, and by a machine that tries everything in every order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    assert done[-2:] == ["power-off", "restart"] and policy.state == "normal"


def test_a_call_that_nobody_takes_is_handed_over_again() -> None:
    _, done = play(*[(float(now), at(3, call=True)) for now in range(0, 130, 10)])
    assert done.count("hand-over") == 2


def test_a_call_in_the_grace_stops_the_stop() -> None:
    policy, done = play((0, at(1)), (1, at(1)), (2, at(1, call=True)))
    assert policy.stage == "handing-over" and done[-1] == "hand-over"


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
