"""The policy, by table."""

import pytest
from msgspec.structs import replace

from firmware.config import FailoverPolicy
from firmware.failover import policy
from firmware.failover.health import Health
from firmware.failover.policy import PREFERENCE, Facts, Grade, State, Uplink, decide, grade, hold_s

SETTINGS = FailoverPolicy()
NOW = 1_000.0
GRADES: dict[Grade, Health] = {
    "up": Health(state="up", carrier=True, proof_at=NOW, well_since=0.0),
    "doubt": Health(state="suspect", carrier=True, proof_at=NOW - 0.1, well_since=0.0, trouble_at=NOW - 0.05),
    "returning": Health(state="suspect", carrier=True, proof_at=NOW, trouble_at=NOW - 5),
    "poor": Health(state="suspect", poor="lossy", carrier=True, proof_at=NOW, trouble_at=NOW - 1),
    "hub-silent": Health(state="down", carrier=True, other_at=NOW, proof_at=NOW - 9, trouble_at=NOW - 8),
    "unknown": Health(state="unknown", carrier=True),
    "down": Health(state="down", carrier=True, proof_at=NOW - 9, trouble_at=NOW - 8),
    "cut": Health(state="down", carrier=False, proof_at=NOW - 9, trouble_at=NOW - 8),
}


def facts(wired: Health, lte: Health, in_call: bool | None = False, panic: bool | None = False) -> Facts:
    return Facts((Uplink("wired", "ethernet", 0, wired), Uplink("lte", "lte", 1, lte)), in_call, panic)


def moved(state: State, given: Facts) -> str | None:
    _, moves = decide(SETTINGS, state, given, NOW)
    return moves[0].to if moves else None


@pytest.mark.parametrize("name", GRADES)
def test_each_grade_is_what_it_says(name: Grade) -> None:
    assert grade(GRADES[name], NOW) == name


def test_the_table_ranks_every_kind_in_every_grade_once() -> None:
    assert len(set(PREFERENCE)) == len(PREFERENCE) == 2 * len(GRADES)


@pytest.mark.parametrize(
    ("active", "other", "to"),
    [
        ("up", "up", None),
        ("doubt", "up", None),
        ("returning", "up", None),
        ("poor", "up", "lte"),
        ("poor", "poor", None),
        ("hub-silent", "up", "lte"),
        ("hub-silent", "hub-silent", None),
        ("down", "up", "lte"),
        ("down", "poor", "lte"),
        ("down", "returning", "lte"),
        ("down", "hub-silent", None),
        ("down", "unknown", None),
        ("down", "down", None),
        ("cut", "up", "lte"),
        ("cut", "down", None),
        ("unknown", "up", "lte"),
    ],
)
@pytest.mark.parametrize("in_call", [True, False, None])
def test_over_at_once_in_a_call_or_not(active: Grade, other: Grade, to: str | None, in_call: bool | None) -> None:
    assert moved(State(0.0, "wired"), facts(GRADES[active], GRADES[other], in_call)) == to


def test_never_to_one_that_has_not_answered_since_the_trouble_began() -> None:
    stale = replace(GRADES["up"], proof_at=NOW - 8.1)
    assert moved(State(0.0, "wired"), facts(GRADES["down"], stale)) is None


@pytest.mark.parametrize(
    ("well_s", "in_call", "panic", "to"),
    [
        (59.0, False, False, None),
        (60.0, False, False, "wired"),
        (9_000.0, True, False, None),
        (9_000.0, False, True, None),
        (9_000.0, None, False, None),
        (9_000.0, False, None, None),
    ],
)
def test_back_only_when_idle_and_a_minute_clean(
    well_s: float, in_call: bool | None, panic: bool | None, to: str | None
) -> None:
    wired = replace(GRADES["up"], well_since=NOW - well_s)
    state = State(0.0, "lte", doubtful_since=NOW - 1 if None in (in_call, panic) else None)
    assert moved(state, facts(wired, GRADES["up"], in_call, panic)) == to


def test_unknown_for_long_is_no_call() -> None:
    wired = replace(GRADES["up"], well_since=0.0)
    state = State(0.0, "lte", doubtful_since=NOW - SETTINGS.unknown_call_s)
    assert moved(state, facts(wired, GRADES["up"], None)) == "wired"


def test_how_long_a_call_has_been_unknown_is_remembered_and_ends_with_knowing() -> None:
    well = GRADES["up"]
    state, _ = decide(SETTINGS, State(0.0, "wired"), facts(well, well, None), NOW)
    assert state.doubtful_since == NOW
    state, _ = decide(SETTINGS, state, facts(well, well, True, None), NOW + 5)
    assert state.doubtful_since == NOW
    state, _ = decide(SETTINGS, state, facts(well, well, True, False), NOW + 6)
    assert state.doubtful_since is None


def test_not_back_to_one_in_doubt() -> None:
    assert moved(State(0.0, "lte"), facts(GRADES["doubt"], GRADES["up"])) is None


def test_the_hold_down_doubles_and_is_forgiven() -> None:
    left = tuple(NOW - 100 + number for number in range(4))
    held = [hold_s(SETTINGS, State(0.0, "lte", {"wired": left[:count]}), "wired", NOW) for count in range(5)]
    assert held == [60, 60, 120, 240, 480]
    many = State(0.0, "lte", {"wired": tuple(NOW - number for number in range(16))})
    assert hold_s(SETTINGS, many, "wired", NOW) == SETTINGS.hold_max_s
    assert hold_s(SETTINGS, many, "wired", NOW + SETTINGS.forgive_s + 1) == SETTINGS.clean_s


def test_leaving_is_remembered_and_going_back_is_not() -> None:
    state, _ = decide(SETTINGS, State(0.0, "wired"), facts(GRADES["down"], GRADES["up"]), NOW)
    assert state.left_at == {"wired": (NOW,)}


def test_at_boot_what_answers_first_carries_then_wired_freely() -> None:
    state, moves = decide(SETTINGS, State(NOW - 1), facts(GRADES["unknown"], GRADES["up"]), NOW)
    assert (state.active, moves[0].why) == ("lte", "boot")
    wired = replace(GRADES["up"], well_since=NOW)
    assert moved(state, facts(wired, GRADES["up"], None, None)) == "wired"
    assert moved(state, facts(wired, GRADES["up"], True, None)) is None


def test_the_outage_counts_from_the_last_proof_or_the_lost_carrier() -> None:
    assert policy.outage_ms(GRADES["down"], NOW) == 9_000
    assert policy.outage_ms(GRADES["cut"], NOW) == 8_000
    assert policy.outage_ms(GRADES["unknown"], NOW) is None
