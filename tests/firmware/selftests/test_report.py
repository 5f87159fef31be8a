"""What is said of each part: by table, and that nothing unknown and nothing failed ever passes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import facts
from firmware.checks import ALL
from firmware.selftests import report as selftest
from firmware.selftests.report import FINE, Outcome, Part, Soundcheck, report
from firmware.verdict import reasons
from tests.firmware.test_verdict import BAD, GOOD
from tests.firmware.test_wire import values

MODEM = facts.Modem(registered=True, operator="Lab", signal_dbm=-71)
MUTED = facts.Headset(present=True, mute_proven=True)
LIT = facts.Panel(lamps=facts.Lamps(mute="on"))
TESTED = facts.Power(believed="nut", tested_at="2026-11-01T10:00:00Z", tested_minutes=201.4, health_percent=93.0)


def whole(*parts: Part) -> selftest.Report:
    return report("hdu-0001", "2026-11-22T10:00:00.000Z", "all", 1.0, parts)


@pytest.mark.parametrize(
    ("part", "outcome", "words"),
    [
        (selftest.spool(3.2), "passed", "3.2 ms"),
        (selftest.spool(900.0), "warning", "slow"),
        (selftest.spool(None, "/data/spool: No space left"), "failed", "No space left"),
        (selftest.storage(facts.Storage()), "unavailable", "not available"),
        (selftest.storage(facts.Storage(encrypted=True, lost=False)), "passed", "bound to its board"),
        (selftest.storage(facts.Storage(encrypted=False, reason="this board has no secret")), "warning", "no secret"),
        (selftest.storage(facts.Storage(encrypted=True, lost=True)), "failed", "lost"),
        (selftest.hub(12.0), "passed", "12 ms"),
        (selftest.hub(None, "not connected"), "failed", "not connected"),
        (selftest.uplink("wired", [5.0, 1.0, 9.0], 3), "passed", "3 of 3 answers, 5 ms"),
        (selftest.uplink("wired", [5.0], 3), "warning", "1 of 3"),
        (selftest.uplink("wired", [], 3), "failed", "wired does not reach"),
        (selftest.uplink("wired", [], 0, "No such device"), "failed", "No such device"),
        (selftest.modem(True, MODEM), "passed", "-71 dBm"),
        (selftest.modem(True, facts.Modem()), "failed", "does not answer"),
        (selftest.modem(True, facts.Modem(registered=False, sim="pin")), "failed", "SIM pin"),
        (selftest.modem(False, facts.Modem()), "unavailable", "no modem is configured"),
        (selftest.power_sources(("nut",), TESTED), "passed", "nut is believed"),
        (selftest.power_sources(("nut",), facts.Power()), "failed", "nut"),
        (selftest.power_sources((), facts.Power(believed="nut", faults=("it lies",))), "warning", "it lies"),
        (selftest.battery(facts.Power()), "unavailable", "hdu selftest power"),
        (selftest.battery(TESTED), "passed", "201 minutes (93 % of new"),
        (selftest.battery(msgspec.structs.replace(TESTED, replace=True)), "failed", "Replace it"),
        (selftest.battery(facts.Power(test="running")), "warning", "running"),
        (selftest.clock(4.0), "passed", "within 4 ms"),
        (selftest.clock(None), "warning", "not known"),
        (selftest.clock(None, "EPERM"), "failed", "EPERM"),
        (selftest.muted_in_time(MUTED, LIT, 99.0, 2.0)[0], "passed", "99 ms"),
        (selftest.muted_in_time(MUTED, LIT, 99.0, 2.0)[1], "passed", "lit"),
        (selftest.muted_in_time(MUTED, facts.Panel(), 99.0, 2.0)[1], "failed", "did not light"),
        (selftest.muted_in_time(facts.Headset(), LIT, None, 2.0)[0], "failed", "not measured within 2 s"),
        (selftest.muted_in_time(facts.Headset(), LIT, None, 2.0)[1], "unavailable", "not available"),
        (selftest.sound(Soundcheck(fit=True, findings=("heard back",)), True), "passed", "Heard back."),
        (selftest.sound(Soundcheck(fit=False, findings=("silence",)), True), "failed", "Silence."),
        (selftest.sound(Soundcheck(fit=False, findings=("silence",)), False), "warning", "hdu selftest audio"),
    ],
)
def test_what_is_said_of_a_part(part: Part, outcome: Outcome, words: str) -> None:
    assert part.outcome == outcome
    assert words in part.words


def test_every_check_has_words_for_when_all_is_well() -> None:
    assert {check.__module__.rpartition(".")[2] for check in ALL} == set(FINE)
    assert {part.words for part in selftest.checks(GOOD)} == set(FINE.values())


@pytest.mark.parametrize(("check", "level", "change"), BAD)
def test_a_check_that_finds_something_is_a_part_that_did_not_pass(
    check: str, level: str, change: dict[str, object]
) -> None:
    parts = {part.part: part for part in selftest.checks(msgspec.structs.replace(GOOD, **change))}
    assert parts[check].outcome == ("warning" if level == "warning" else "failed")
    assert [name for name, part in parts.items() if part.outcome != "passed"] == [check]


@given(values(facts.Status))
def test_a_unit_that_is_not_safe_never_passes(status: facts.Status) -> None:
    grave = [reason for reason in reasons(status).values() if reason.level != "warning"]
    assert whole(*selftest.checks(status)).passed == (not grave)


@given(st.lists(st.sampled_from(["passed", "warning", "failed", "unavailable"]), max_size=6))
def test_the_whole_passes_when_something_was_tested_and_nothing_failed(outcomes: list[Outcome]) -> None:
    found = whole(*(Part(part=str(at), outcome=outcome, words=f"{at}.") for at, outcome in enumerate(outcomes)))
    assert found.passed == ("failed" not in outcomes and bool({"passed", "warning"} & set(outcomes)))
    assert found.passed == (found.reasons == ()) == (selftest.summary(found).passed is True)


@pytest.mark.parametrize(
    ("call", "headset", "why"),
    [
        (facts.Call(state="idle"), facts.Headset(present=True), ""),
        (facts.Call(state="active"), facts.Headset(present=True), "while a call is on"),
        (facts.Call(state="ringing"), facts.Headset(present=True), "while a call is on"),
        (facts.Call(), facts.Headset(present=True), "nobody knows"),
        (facts.Call(state="idle"), facts.Headset(present=False), "no headset"),
        (facts.Call(state="idle"), facts.Headset(), "no headset"),
    ],
)
def test_the_headset_is_left_alone_in_a_call(call: facts.Call, headset: facts.Headset, why: str) -> None:
    said = selftest.busy(msgspec.structs.replace(GOOD, call=call, headset=headset))
    assert bool(said) == bool(why) and why in said
