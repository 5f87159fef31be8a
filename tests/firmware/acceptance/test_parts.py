"""The parts of a unit against those it was provisioned with: right, another, not known."""

import msgspec
import pytest

from firmware.acceptance.parts import parts
from firmware.facts import Modem
from hdu.provision.answers import Answers
from hdu.provision.identity import Provisioned

OWN, OTHER = "8944500102198304826", "8944500102198304834"
TOLD = Answers(unit="hdu-0042", panel="PNL-00317", sim=OWN, number="+15550001234", headset="046d:0a8f")


def written(told: Answers) -> bytes:
    """As the unit's identity has it."""
    return msgspec.json.encode(Provisioned("Riverside County", "+15550009911", 1, "2026-11-22T10:00:00Z", told))


@pytest.mark.parametrize(
    ("iccid", "panel", "outcomes"),
    [
        (OWN, "PNL-00317", ["passed", "passed"]),
        (OWN, " PNL-00317\n", ["passed", "passed"]),
        (OTHER, "PNL-00318", ["failed", "failed"]),
        ("", "", ["warning", "warning"]),
    ],
)
def test_each_part_is_right_another_or_not_known(iccid: str, panel: str, outcomes: list[str]) -> None:
    found = list(parts(written(TOLD), Modem(sim="ready", iccid=iccid), panel))
    assert [each.outcome for each in found] == outcomes
    assert [each.part for each in found] == ["panel number", "SIM"]
    for each in found:
        assert ("PNL-00317" if each.part == "panel number" else OWN) in each.words


def test_a_unit_without_a_sim_is_not_asked_for_one() -> None:
    told = Answers(unit="hdu-0042", panel="PNL-00317", sim="", number="", headset="046d:0a8f")
    assert [each.part for each in parts(written(told), Modem(), "PNL-00317")] == ["panel number"]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b"\xff"])
def test_a_unit_that_was_not_provisioned_cannot_tell(content: bytes | None) -> None:
    (found,) = parts(content, Modem(), "PNL-00317")
    assert (found.part, found.outcome) == ("parts", "warning")
