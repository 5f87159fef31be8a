"""The verdict: never green on what is not known, at once for the worse, slow for the better."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import facts
from firmware.checks import ALL
from firmware.checks.reason import Reason
from firmware.verdict import CLEAR_S, State, decide, reasons, verdict
from tests.firmware.test_wire import values

GOOD = facts.Status(
    unit="hdu-0001",
    version="1",
    slot="A",
    at="2026-11-22T10:00:00.000Z",
    panel=facts.Panel(mute="live"),
    headset=facts.Headset(present=True, mute_state="live"),
    call=facts.Call(state="idle", registered=True),
    uplinks=(
        facts.Uplink(name="wired", kind="ethernet", state="up", active=True),
        facts.Uplink(name="lte", kind="lte", state="up"),
    ),
    power=facts.Power(source="mains", state="normal"),
    hub=facts.Hub(connected=True, pending_alerts=0, spool_full=False),
    clock=facts.Clock(error_ms=12.0),
)
DOWN = tuple(msgspec.structs.replace(each, state="down") for each in GOOD.uplinks)
BAD: list[tuple[str, str, dict[str, object]]] = [
    ("panel", "unsafe", {"panel": facts.Panel(faults=("panic: cut",))}),
    ("hub", "unsafe", {"hub": facts.Hub(connected=False)}),
    ("hub", "unknown", {"hub": facts.Hub()}),
    ("uplink", "unsafe", {"uplinks": DOWN}),
    ("uplink", "unknown", {"uplinks": ()}),
    ("second_uplink", "warning", {"uplinks": (GOOD.uplinks[0], DOWN[1])}),
    ("headset", "unsafe", {"headset": facts.Headset(present=False)}),
    ("headset", "unknown", {"headset": facts.Headset()}),
    ("microphone", "unsafe", {"headset": facts.Headset(present=True, mute_state="fault")}),
    ("microphone", "unknown", {"headset": facts.Headset(present=True)}),
    ("power", "warning", {"power": facts.Power(source="battery", state="on-battery")}),
    ("power", "unsafe", {"power": facts.Power(source="battery", state="low")}),
    ("power", "unknown", {"power": facts.Power()}),
    ("call", "unknown", {"call": facts.Call()}),
    ("call", "unsafe", {"call": facts.Call(state="idle", registered=False)}),
    ("voice", "warning", {"call": facts.Call(state="active", registered=True, r_factor=75.0)}),
    ("voice", "unsafe", {"call": facts.Call(state="active", registered=True, r_factor=60.0)}),
    ("disk", "unsafe", {"hub": facts.Hub(connected=True, spool_full=True)}),
    ("clock", "warning", {"clock": facts.Clock()}),
    ("clock", "warning", {"clock": facts.Clock(error_ms=101.0)}),
    ("configuration", "warning", {"configuration_faults": ("site.toml: hub: mqtt_port = 0 is refused",)}),
    ("update", "warning", {"update": facts.Update(state="installing")}),
]


def test_all_well_is_green_without_a_word() -> None:
    assert decide(State(), GOOD, 0.0)[1] == facts.Readiness(safe=True, colour="green")


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_each_fault_is_found_alone_and_clears_itself(check: str, level: str, change: dict[str, object]) -> None:
    found = reasons(msgspec.structs.replace(GOOD, **change))
    assert {(reason.check, reason.level) for reason in found.values()} == {(check, level)}
    assert reasons(GOOD) == {}


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_only_a_warning_is_safe_and_unknown_is_red(check: str, level: str, change: dict[str, object]) -> None:
    ready = decide(State(), msgspec.structs.replace(GOOD, **change), 0.0)[1]
    said = {"unsafe": (False, "red"), "unknown": (None, "red"), "warning": (True, "amber")}
    assert (ready.safe, ready.colour) == said[level]


def test_every_check_is_in_the_table() -> None:
    assert {check.__module__.rpartition(".")[2] for check in ALL} == {check for check, _, _ in BAD}


@given(values(facts.Status))
def test_green_only_when_every_check_is_content(status: facts.Status) -> None:
    ready = decide(State(), status, 0.0)[1]
    assert (ready.colour == "green") == (not reasons(status)) == (ready.safe is True and not ready.reasons)
    assert (ready.colour == "red") == (ready.safe is not True)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 3)), min_size=1))
def test_worse_at_once_better_after_a_while(steps: list[tuple[bool, float]]) -> None:
    state, now = State(), 0.0
    worse = msgspec.structs.replace(GOOD, power=facts.Power(source="battery", state="low"))
    for bad, gap_s in steps:
        now += gap_s
        state, ready, again = decide(state, worse if bad else GOOD, now)
        if bad:
            assert ready.colour == "red"
        elif ready.colour == "red":
            assert again is not None and again > now
            assert decide(state, GOOD, again)[1].colour == "green"


def test_the_worst_is_read_first() -> None:
    shown = {"a": Reason("a", "warning", "W"), "b": Reason("b", "unsafe", "U"), "c": Reason("c", "unknown", "?")}
    assert verdict(shown).reasons == ("U", "?", "W")


def test_the_lamp_does_not_clear_early() -> None:
    worse = msgspec.structs.replace(GOOD, hub=facts.Hub(connected=False))
    state, _, _ = decide(State(), worse, 0.0)
    state, ready, _ = decide(state, GOOD, 0.1)
    assert ready.colour == "red"
    assert decide(state, GOOD, 0.1 + CLEAR_S)[1].colour == "green"
