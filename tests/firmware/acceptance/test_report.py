"""A report is believed only when the unit it names signed exactly this."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from firmware.acceptance.finding import Finding
from firmware.acceptance.report import Acceptance, ReportRefused, Signed, sign, sound, verify
from hub.authority import Authority

WALKED = (Finding("mute", "passed", "silence was measured", 1.25), Finding("mains out", "passed", "on battery", 0.5))
ALONE = (Finding("spool", "passed", "A press is on disk after 3 ms.", 0.003),)
REPORT = Acceptance("hdu-0001", "1.2.3", "Sam Field", "2026-11-22T21:00:00.000Z", 61.5, True, ALONE, WALKED)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return Authority(tmp_path).unit("hdu-0001")


def signed(unit: Path, report: Acceptance = REPORT) -> bytes:
    return sign(report, (unit / "unit.pem").read_bytes(), (unit / "unit.key").read_bytes())


def test_a_report_is_verified_with_the_units_certificate(unit: Path) -> None:
    assert verify(signed(unit), (unit / "ca.pem").read_bytes()) == REPORT


def changes() -> dict[str, Callable[[Acceptance], Acceptance]]:
    failed = Finding("mute", "failed", "not measured")
    return {
        "verdict": lambda report: msgspec.structs.replace(report, passed=not report.passed),
        "technician": lambda report: msgspec.structs.replace(report, technician="Kim"),
        "finding": lambda report: msgspec.structs.replace(report, walked=(failed, *report.walked[1:])),
        "time": lambda report: msgspec.structs.replace(report, began="2026-11-23T21:00:00.000Z"),
    }


@pytest.mark.parametrize("change", changes())
def test_whatever_is_changed_afterwards_is_seen(unit: Path, change: str) -> None:
    found = msgspec.json.decode(signed(unit), type=Signed)
    forged = msgspec.json.encode(msgspec.structs.replace(found, report=changes()[change](found.report)))
    with pytest.raises(ReportRefused, match="changed after it was signed"):
        verify(forged, (unit / "ca.pem").read_bytes())


def test_another_units_key_and_another_authority_are_refused(unit: Path, tmp_path: Path) -> None:
    other = Authority(tmp_path).unit("hdu-0002")
    with pytest.raises(ReportRefused, match="signed by hdu-0002, not by hdu-0001"):
        verify(signed(other), (unit / "ca.pem").read_bytes())
    stranger = Authority(tmp_path / "stranger").unit("hdu-0001")
    with pytest.raises(ReportRefused, match="not of this authority"):
        verify(signed(stranger), (unit / "ca.pem").read_bytes())


def test_any_mutation_is_refused_in_words_or_says_the_same(unit: Path) -> None:
    good, chance, authority = signed(unit), random.Random(4), (unit / "ca.pem").read_bytes()
    for _ in range(400):
        at, length = chance.randrange(len(good)), chance.randint(0, 3)
        bad = good[:at] + chance.randbytes(length) + good[at + chance.randint(0, 3) :]
        try:
            assert verify(bad, authority) == REPORT  # white space between values says nothing
        except ReportRefused as refused:
            assert str(refused).isprintable() and len(str(refused)) > 20


def test_one_failure_or_nothing_walked_is_not_accepted() -> None:
    failed = (*WALKED, Finding("mains in", "failed", "not measured within 180 s"))
    assert sound(REPORT) == "accepted"
    for worse in ({"walked": failed}, {"alone": failed}, {"walked": ()}, {"passed": False}):
        assert sound(msgspec.structs.replace(REPORT, **worse)) == "not accepted"
