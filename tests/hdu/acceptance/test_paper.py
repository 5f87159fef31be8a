"""The report on paper says what the signed file says."""

from pathlib import Path

import msgspec

from firmware.acceptance.finding import Finding
from hdu.acceptance.paper import paper
from tests.firmware.acceptance.test_report import ALONE, REPORT, WALKED, signed, unit
from tests.hdu.provision.test_papers import said

__all__ = ["unit"]


def test_the_paper_tells_every_finding_and_the_verdict(unit: Path) -> None:
    text = said(paper(REPORT, signed(unit)))
    for words in ("hdu-0001", "Accepted", "Sam Field", "1.2.3", *(each.part for each in (*ALONE, *WALKED))):
        assert words in text
    many = tuple(Finding(f"part {number}", "failed", "It is broken. " * 12) for number in range(60))
    long = said(paper(msgspec.structs.replace(REPORT, alone=many, passed=False), b""))
    assert "Not accepted" in long and "part 59" in long
