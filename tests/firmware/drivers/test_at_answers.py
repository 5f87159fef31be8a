"""What the answers mean, against the tables of 3GPP TS 27.007 and 27.005; nonsense means unknown, never a value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers import at_answers as at


@pytest.mark.parametrize(
    ("line", "dbm"), [("0,99", -113), ("1,99", -111), ("21,0", -71), ("31,99", -51), ("99,99", None)]
)
def test_signal_in_dbm(line: str, dbm: int | None) -> None:
    assert at.signal_dbm((f"+CSQ: {line}",)) == dbm


@pytest.mark.parametrize(("rsrp", "dbm"), [(0, -141), (1, -140), (42, -99), (97, -44), (255, None)])
def test_reference_signal_power_in_dbm(rsrp: int, dbm: int | None) -> None:
    assert at.rsrp_dbm((f"+CESQ: 99,99,255,255,20,{rsrp}",)) == dbm


@pytest.mark.parametrize(
    ("stats", "registered", "roaming"),
    [
        ([1, None], True, False),
        ([5], True, True),
        ([2, 1], True, False),
        ([1, 5], True, False),
        ([9], True, False),
        ([0, 2], False, None),
        ([3, None], False, None),
        ([6], False, None),
        ([None, None], None, None),
        ([], None, None),
    ],
)
def test_registration(stats: list[int | None], registered: bool | None, roaming: bool | None) -> None:
    assert at.registration(stats) == (registered, roaming)


@pytest.mark.parametrize(
    ("line", "stat"),
    [("+CREG: 0,1", 1), ('+CEREG: 2,5,"1A2B","01C3D404",7', 5), ("+CREG: 0,4", None), ("+CREG: 0", None)],
)
def test_registration_status(line: str, stat: int | None) -> None:
    assert at.stat((line,)) == stat


def test_an_answer_and_a_report_of_registration_are_told_apart() -> None:
    answers = ("+CREG: 0,1", '+CREG: 2,1,"1A2B","01C3D404",7', "+CREG:0,5")
    reports = ("+CREG: 1", '+CREG: 5,"1A2B","01C3D404",7', "+CREG:2")
    assert all(re.match(at.CREG.answer, each) and not at.REGISTRATION_CHANGED.match(each) for each in answers)
    assert all(at.REGISTRATION_CHANGED.match(each) and not re.match(at.CREG.answer, each) for each in reports)


def test_operator_sim_radio_and_temperature() -> None:
    assert at.operator(('+COPS: 0,0,"Lab Mobile",7',)) == "Lab Mobile"
    assert at.operator(("+COPS: 0",)) == ""
    assert [at.sim((f"+CPIN: {each}",)) for each in ("READY", "SIM PIN", "PH-NET PIN")] == [
        "ready",
        "needs its PIN",
        "ph-net pin",
    ]
    assert [at.functional((f"+CFUN: {each}",)) for each in (1, 0, 4)] == [True, False, False]
    assert at.temperature_c(("+QTEMP: 38,35,41",), "quectel") == 41
    assert at.temperature_c(("+CPMUTEMP: -7",), "simcom") == -7
    assert at.temperature_c(("^CHIPTEMP: 385,65535,65535",), "huawei") == 38.5


def test_errors_in_words() -> None:
    assert at.error_words("+CMS ERROR: 331") == "no network service (+CMS ERROR 331)"
    assert at.error_words("+CME ERROR: 10") == "SIM not inserted (+CME ERROR 10)"
    assert at.error_words("+CMS ERROR: 999") == "+CMS ERROR: 999"
    assert at.error_words("+CME ERROR: SIM busy") == "+CME ERROR: SIM busy"
    assert at.passing("+CMS ERROR: 332") and at.passing("ERROR") and not at.passing("+CMS ERROR: 8")


@given(st.text(max_size=60))
def test_nonsense_is_unknown_or_within_bounds_and_never_an_error(nonsense: str) -> None:
    lines = (f"+X: {nonsense}",)
    signal, rsrp = at.signal_dbm(lines), at.rsrp_dbm(lines)
    assert signal is None or -113 <= signal <= -51
    assert rsrp is None or -141 <= rsrp <= -44
    temperature = at.temperature_c(lines, "quectel")
    assert temperature is None or -60 <= temperature <= 150
    at.stat(lines), at.operator(lines), at.sim(lines), at.functional(lines), at.error_words(nonsense)


def test_no_line_at_all_is_unknown() -> None:
    unknown = [at.signal_dbm(()), at.rsrp_dbm(()), at.stat(()), at.functional(()), at.temperature_c((), "simcom")]
    assert unknown == [None] * 5
    assert (at.operator(()), at.sim(())) == ("", "")
