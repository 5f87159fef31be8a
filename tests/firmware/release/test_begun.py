"""What the next start makes of a bundle that had begun: the table, each row once and as a whole."""

import itertools

import pytest

from firmware.release.begun import step
from firmware.release.memory import Trial

NOW, BEFORE = "boot-2", "boot-1"


@pytest.mark.parametrize(
    ("boot", "installed", "slot", "expected"),
    [
        (NOW, False, "A", "break-off"),
        (NOW, True, "A", "boot"),
        (BEFORE, True, "B", "prove"),
        (BEFORE, False, "B", "prove"),
        (BEFORE, False, "A", "forget"),
        (BEFORE, True, "A", "failed"),
        ("", True, "B", "prove"),
        ("", True, "A", "failed"),
    ],
)
def test_the_table(boot: str, installed: bool, slot: str, expected: str) -> None:
    trial = Trial(kind="bundle", version="1.1", slot="B", boot=boot, installed=installed)
    assert step(trial, slot, NOW) == expected


def test_what_runs_unproven_is_always_proven_first() -> None:
    for boot, installed, slot in itertools.product(("", BEFORE, NOW), (False, True), (None, "A", "B")):
        trial = Trial(kind="bundle", version="1.1", slot="B", boot=boot, installed=installed)
        if boot != NOW:
            assert (step(trial, slot, NOW) == "prove") is (slot == "B")
