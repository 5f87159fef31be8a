"""The parts of a unit against those it was provisioned with: right, another, not known."""

import pytest

from firmware.facts import Modem
from hdu.acceptance.parts import compared
from hdu.provision.answers import Answers

OWN, OTHER = "8944500102198304826", "8944500102198304834"
TOLD = Answers(unit="hdu-0042", panel="PNL-00317", sim=OWN, number="+15550001234", headset="046d:0a8f")


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
    found = list(compared(TOLD, Modem(sim="ready", iccid=iccid), panel))
    assert [each.outcome for each in found] == outcomes
    assert [each.part for each in found] == ["panel number", "SIM"]
    for each in found:
        assert ("PNL-00317" if each.part == "panel number" else OWN) in each.words


def test_a_unit_without_a_sim_is_not_asked_for_one() -> None:
    told = Answers(unit="hdu-0042", panel="PNL-00317", sim="", number="", headset="046d:0a8f")
    assert [each.part for each in compared(told, Modem(), "PNL-00317")] == ["panel number"]
