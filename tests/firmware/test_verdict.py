"""The verdict: never green on what is not known, at once for the worse, slow for the better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from firmware import facts
from firmware.checks import ALL
from firmware.checks.call import REGISTERING_S
from firmware.checks.reason import Reason
from firmware.checks.voice import FIRST_FIGURES_S
from firmware.verdict import CLEAR_S, State, decide, reasons, verdict
from tests.firmware.test_wire import values

GOOD = facts.Status(
    unit="hdu-0001",
    version="1",
    slot="A",
    at="2026-11-22T10:00:00.000Z",
    panel=facts.Panel(mute="live", lamps=facts.Lamps(safe="green")),
    headset=facts.Headset(present=True, mute_state="live"),
    call=facts.Call(state="idle", registered=True),
    uplinks=(
        facts.Uplink(name="wired", kind="ethernet", state="up", active=True),
        facts.Uplink(name="lte", kind="lte", state="up"),
    ),
    power=facts.Power(source="mains", state="normal"),
    hub=facts.Hub(connected=True, pending_alerts=0, spool_full=False),
    clock=facts.Clock(error_ms=12.0),
    update=facts.Update(booted="A", proven=True),
)
ICCID = "8944500102198304826"
DOWN = tuple(replace(each, state="down") for each in GOOD.uplinks)
IN_CALL = facts.Call(state="active", registered=True, r_factor=80.0)
WELL: list[dict[str, object]] = [  # at the very edge of a reason, and what is none
    {"call": IN_CALL},
    {"call": replace(IN_CALL, r_factor=None, held=True)},
    {"call": replace(IN_CALL, state="ringing", r_factor=None)},
    {"clock": facts.Clock(error_ms=100.0)},
    {"modem": facts.Modem(sim="ready", iccid=ICCID, iccid_expected=ICCID)},
    {"modem": facts.Modem(sim="ready", iccid=ICCID)},
    {"modem": facts.Modem(sim="absent", iccid_expected=ICCID)},
    {"power": replace(GOOD.power, replace=None)},
    {"power": replace(GOOD.power, replace=False, replace_by="2031-01-01", health_percent=88.0)},
    {"headset": replace(GOOD.headset, microphone_dead=None)},
    {"slot": None, "update": facts.Update()},
    {"update": facts.Update(state="", booted="A", proven=None)},
    {"remote_help": facts.RemoteHelp(state="off")},
]
BAD: list[tuple[str, str, dict[str, object]]] = [
    ("panel", "unsafe", {"panel": facts.Panel(faults=("panic: cut",))}),
    ("panel", "unknown", {"panel": facts.Panel()}),
    ("hub", "unsafe", {"hub": replace(GOOD.hub, connected=False)}),
    ("hub", "unknown", {"hub": replace(GOOD.hub, connected=None)}),
    ("uplink", "unsafe", {"uplinks": DOWN}),
    ("uplink", "unsafe", {"uplinks": (replace(GOOD.uplinks[0], state="suspect"), DOWN[1])}),
    ("uplink", "unknown", {"uplinks": ()}),
    ("uplink", "unknown", {"uplinks": (replace(GOOD.uplinks[0], state="unknown"), DOWN[1])}),
    ("second_uplink", "warning", {"uplinks": (GOOD.uplinks[0], DOWN[1])}),
    ("headset", "unsafe", {"headset": facts.Headset(present=False)}),
    ("headset", "unknown", {"headset": facts.Headset()}),
    ("headset", "unsafe", {"headset": replace(GOOD.headset, microphone_dead=True)}),
    ("microphone", "unsafe", {"headset": facts.Headset(present=True, mute_state="fault")}),
    ("microphone", "unsafe", {"panel": replace(GOOD.panel, mute="fault")}),
    ("microphone", "unknown", {"headset": facts.Headset(present=True)}),
    ("power", "warning", {"power": facts.Power(source="battery", state="on-battery")}),
    ("power", "unsafe", {"power": facts.Power(source="battery", state="low")}),
    ("power", "unsafe", {"power": facts.Power(source="battery", state="ending")}),
    ("power", "unknown", {"power": facts.Power()}),
    ("power", "unknown", {"power": facts.Power(source="unknown", state="normal")}),
    ("power", "unknown", {"power": facts.Power(source="mains")}),
    ("battery_age", "warning", {"power": replace(GOOD.power, replace=True)}),
    ("battery_age", "warning", {"power": replace(GOOD.power, replace=True, replace_by="2027-01-01")}),
    ("call", "unknown", {"call": facts.Call()}),
    ("call", "unsafe", {"call": facts.Call(state="idle", registered=False)}),
    ("call", "unknown", {"call": facts.Call(state="idle")}),
    ("voice", "warning", {"call": replace(IN_CALL, r_factor=79.9)}),
    ("voice", "unsafe", {"call": replace(IN_CALL, r_factor=69.9)}),
    ("voice", "warning", {"call": replace(IN_CALL, r_factor=70.0)}),
    ("voice", "warning", {"call": replace(IN_CALL, r_factor=None)}),
    ("disk", "unsafe", {"hub": replace(GOOD.hub, spool_full=True)}),
    ("disk", "unknown", {"hub": replace(GOOD.hub, spool_full=None)}),
    ("clock", "warning", {"clock": facts.Clock()}),
    ("remote_help", "warning", {"remote_help": facts.RemoteHelp(state="open", until="2026-11-22T10:30:00Z")}),
    ("remote_help", "warning", {"remote_help": facts.RemoteHelp(state="waiting")}),
    ("remote_help", "warning", {"remote_help": facts.RemoteHelp(state="open", who=("alice",))}),
    ("clock", "warning", {"clock": facts.Clock(error_ms=101.0)}),
    ("configuration", "warning", {"configuration_faults": ("site.toml: hub: mqtt_port = 0 is refused",)}),
    ("update", "warning", {"update": facts.Update(state="installing")}),
    ("update", "warning", {"update": facts.Update(failed_version="1.1.0", failed="it did not start")}),
    ("update", "warning", {"update": facts.Update(booted="A", proven=False)}),
    ("update", "warning", {"update": facts.Update()}),
    ("sim", "warning", {"modem": facts.Modem(sim="ready", iccid="8944500102198304834", iccid_expected=ICCID)}),
    ("sim", "warning", {"modem": facts.Modem(sim="ready", iccid_expected=ICCID)}),
]


def test_all_well_is_green_without_a_word() -> None:
    assert decide(State(), GOOD, 0.0)[1] == facts.Readiness(safe=True, colour="green")


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_each_fault_is_found_alone_and_clears_itself(check: str, level: str, change: dict[str, object]) -> None:
    found = reasons(replace(GOOD, **change))
    assert {(reason.check, reason.level) for reason in found.values()} == {(check, level)}
    assert reasons(GOOD) == {}


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_only_a_warning_is_safe_and_unknown_is_red(check: str, level: str, change: dict[str, object]) -> None:
    ready = decide(State(), replace(GOOD, **change), 0.0)[1]
    said = {"unsafe": (False, "red"), "unknown": (None, "red"), "warning": (True, "amber")}
    assert (ready.safe, ready.colour) == said[level]


@pytest.mark.parametrize("change", WELL)
def test_what_is_well_is_no_reason(change: dict[str, object]) -> None:
    assert reasons(replace(GOOD, **change)) == {}


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_a_reason_is_a_sentence_for_a_dispatcher(check: str, level: str, change: dict[str, object]) -> None:
    words = reasons(replace(GOOD, **change))[check].words
    assert words[0].isupper() and words.endswith(".") and "None" not in words and len(words) < 160


def test_a_word_says_what_the_fact_says() -> None:
    worn = replace(GOOD.power, replace=True, replace_by="2026-12-01", health_percent=61.4)
    words = reasons(replace(GOOD, power=worn))["battery_age"].words
    assert "by 2026-12-01" in words and "61 % of what it held when new" in words
    failed = facts.Update(booted="A", failed_version="1.1.0", failed="it did not start")
    assert "1.1.0 did not work (it did not start)" in reasons(replace(GOOD, update=failed))["update"].words
    lasting = facts.Power(source="battery", state="on-battery", minutes_left=41.6)
    assert "lasts for about 42 minutes" in reasons(replace(GOOD, power=lasting))["power"].words


@pytest.mark.parametrize(
    ("uplinks", "weak"),
    [
        ((GOOD.uplinks[0], DOWN[1]), "not ready: lte"),
        ((GOOD.uplinks[0], replace(GOOD.uplinks[1], state="suspect")), "not ready: lte"),
        (
            (GOOD.uplinks[0], replace(GOOD.uplinks[0], name="wired2", state="suspect"), DOWN[1]),
            "not ready: wired2, lte",
        ),
        (GOOD.uplinks[:1], "not ready: none is fitted"),
        ((DOWN[0], GOOD.uplinks[1]), "not ready: wired"),
    ],
)
def test_the_line_that_is_missing_is_named(uplinks: tuple[facts.Uplink, ...], weak: str) -> None:
    (found,) = reasons(replace(GOOD, uplinks=uplinks)).values()
    assert found.check == "second_uplink" and weak in found.words


def test_two_lines_of_one_kind_are_no_second_way() -> None:
    both = (GOOD.uplinks[0], replace(GOOD.uplinks[0], name="wired2", active=False))
    assert set(reasons(replace(GOOD, uplinks=both))) == {"second_uplink"}


def test_how_long_is_not_left_to_chance() -> None:
    assert (CLEAR_S, REGISTERING_S, FIRST_FIGURES_S) == (1.0, 1.0, 6.0)


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
    worse = replace(GOOD, power=facts.Power(source="battery", state="low"))
    for bad, gap_s in steps:
        now += gap_s
        state, ready, again = decide(state, worse if bad else GOOD, now)
        if bad:
            assert ready.colour == "red"
        elif ready.colour == "red":
            assert again is not None and again > now
            assert decide(state, GOOD, again)[1].colour == "green"


def test_the_worst_is_read_first() -> None:
    shown = {"a": Reason("a", "warning", "W"), "c": Reason("c", "unknown", "?"), "b": Reason("b", "unsafe", "U")}
    assert verdict(shown).reasons == ("U", "?", "W")


def test_the_lamp_does_not_clear_early() -> None:
    worse = replace(GOOD, hub=replace(GOOD.hub, connected=False))
    state, _, _ = decide(State(), worse, 0.0)
    state, ready, _ = decide(state, GOOD, 0.1)
    assert ready.colour == "red"
    assert decide(state, GOOD, 0.1 + CLEAR_S)[1].colour == "green"


REGISTERING = replace(GOOD, call=facts.Call(state="idle"))


def test_what_is_expected_to_pass_is_a_reason_only_when_it_lasts() -> None:
    state, _, again = decide(State(), GOOD, 0.0)
    assert again is None
    state, ready, again = decide(state, REGISTERING, 5.0)
    assert (ready.colour, again) == ("green", 5.0 + REGISTERING_S)
    assert decide(state, GOOD, 5.5)[1:] == (facts.Readiness(safe=True, colour="green"), None)
    assert decide(state, REGISTERING, 5.0 + REGISTERING_S)[1].colour == "red"


def test_the_first_verdict_is_not_green_on_what_is_not_known_yet() -> None:
    assert decide(State(), REGISTERING, 0.0)[1].colour == "red"


def test_what_passes_over_into_the_unknown_does_not_clear_in_between() -> None:
    state, _, _ = decide(State(), replace(GOOD, call=facts.Call(state="idle", registered=False)), 0.0)
    for now in (0.5, 0.9, 1.1, 2.0, 9.0):
        state, ready, _ = decide(state, REGISTERING, now)
        assert ready.colour == "red"
