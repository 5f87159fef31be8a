"""Which slot the boot loader starts, and what it remembers: the real U-Boot and our script, with junk for kernels.

Each on QEMU's `virt` and on its Raspberry Pi, whose U-Boot is made otherwise, and is the one that a unit has.
"""

import random
import re
import subprocess
import time
from pathlib import Path

import pytest

from image import boot, build, card
from image.boot import ENVIRONMENT_AT, FRESH
from image.tools import Tools
from tests.lab import pi
from tests.lab.loader import JUNK, Loader
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(600)
ALL_TRIES = ["A2", "failed A", "A1", "failed A", "A0", "failed A", "B2", "failed B", "B1", "failed B", "B0", "failed B"]


@pytest.fixture(scope="session")
def parts() -> pi.Parts:
    return pi.parts(build.gathered(lambda _: None))


@pytest.fixture(params=["virt", "pi"])
def loader(request: pytest.FixtureRequest, tools: Tools, parts: pi.Parts, tmp_path: Path) -> Loader:
    return Loader(tools, tmp_path / "machine", parts if request.param == "pi" else None)


@pytest.fixture
def on_a_pi(tools: Tools, parts: pi.Parts, tmp_path: Path) -> Loader:
    return Loader(tools, tmp_path / "machine", parts)


def test_three_tries_a_slot_then_it_waits_and_tries_each_once(loader: Loader) -> None:
    assert loader.happens(18) == [*ALL_TRIES, "none", "A0", "failed A", "B0", "failed B", "none"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"BOOT_ORDER": "B A"}, ["B2", "failed B", "B1"]),
        ({"BOOT_A_LEFT": "0"}, ["B2", "failed B"]),
        ({"BOOT_A_LEFT": "1", "BOOT_B_LEFT": "1"}, ["A0", "failed A", "B0", "failed B", "none"]),
        ({"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"}, ["none", "A0", "failed A", "B0"]),
        ({"BOOT_ORDER": "B"}, ["B2", "failed B", "B1", "failed B", "B0", "failed B", "none", "A0"]),
        ({"BOOT_ORDER": "C A"}, ["A2"]),
    ],
    ids=["order", "used-up", "last-tries", "none-left", "one-slot", "unknown-slot"],
)
def test_what_the_environment_says_is_done(loader: Loader, values: dict[str, str], expected: list[str]) -> None:
    loader.environment(FRESH | values)
    assert loader.happens(len(expected)) == expected


def test_values_that_are_missing_are_as_on_a_fresh_card(loader: Loader) -> None:
    loader.environment({"BOOT_ORDER": "B A"})
    assert loader.happens(1) == ["B2"]


def test_one_damaged_copy_costs_nothing(loader: Loader) -> None:
    loader.environment(FRESH | {"BOOT_ORDER": "B A"})
    loader.put(ENVIRONMENT_AT[0] + 10, b"\xaa\x55")
    assert loader.happens(2) == ["copy 0x800", "B2"]
    assert [each and each["BOOT_B_LEFT"] for each in loader.kept()] == ["2", "2"]


def test_the_second_copy_is_not_looked_at_while_the_first_is_whole(loader: Loader) -> None:
    loader.put(ENVIRONMENT_AT[1], bytes(boot.ENVIRONMENT_SIZE))
    assert loader.happens(1) == ["A2"]
    assert None not in loader.kept()


def test_with_both_copies_damaged_it_begins_anew(loader: Loader) -> None:
    for at in ENVIRONMENT_AT:
        loader.put(at, random.Random(1).randbytes(boot.ENVIRONMENT_SIZE))
    assert loader.happens(4) == ["copy 0x800", "copy 0x880", "anew", "A2"]
    assert None not in loader.kept()


def test_a_damaged_kernel_or_initrd_gives_way_to_the_other_slot_at_once(loader: Loader) -> None:
    loader.damage(card.BOOT_AT[0], JUNK)
    assert loader.happens(4) == ["A2", "damaged A", "B2", "failed B"]


def test_an_empty_boot_partition_gives_way_to_the_other_slot(loader: Loader) -> None:
    loader.put(card.BOOT_AT[0], bytes(1 << 20))
    assert loader.happens(3) == ["A2", "damaged A", "B2"]


def test_with_both_kernels_damaged_it_waits(loader: Loader) -> None:
    for at in card.BOOT_AT:
        loader.put(at, bytes(1 << 20))
    assert loader.happens(5) == ["A2", "damaged A", "B2", "damaged B", "none"]


def test_what_fw_setenv_writes_is_what_the_boot_loader_does(loader: Loader) -> None:
    """As RAUC does on the unit, with the same settings."""
    (loader.work / "fw_env.config").write_text("/tmp/w/card.img 0x100000 0x4000\n")
    for name, value in {"BOOT_ORDER": "B A", "BOOT_B_LEFT": "2"}.items():
        loader.tools.run(loader.work, "fw_setenv", "-c", "fw_env.config", name, value)
    assert loader.happens(2) == ["B1", "failed B"]
    assert "BOOT_B_LEFT=1" in loader.tools.run(loader.work, "fw_printenv", "-c", "fw_env.config")


def test_a_plug_pulled_at_any_moment_leaves_a_whole_copy(loader: Loader) -> None:
    """QEMU is killed at ten random moments of the first tries; what the guest wrote stays, as on a card."""
    dice = random.Random(20260101)
    for _ in range(10):
        with plugged(loader.machine()) as machine:
            until = time.monotonic() + dice.uniform(0.2, 6.0)
            while time.monotonic() < until and machine.read(0.02):
                pass
        assert any(loader.kept()), loader.kept()
    assert loader.happens(1)[0][0] in "ABn"


def test_no_key_stops_it_and_it_has_no_prompt(on_a_pi: Loader) -> None:
    """From the first moment through the wait for a technician, whatever is typed."""
    with plugged(on_a_pi.machine()) as machine:
        for _ in range(2):
            after = len(machine.console)
            while "no slot starts" not in machine.console[after:]:
                machine.say("\r\x03 ")
                assert machine.read(0.2)
        assert not re.search(r"(?m)^(=>|U-Boot>)", machine.console)
        assert "Loading Environment from FAT... OK" in machine.console


def test_where_our_script_is_gone_it_begins_anew_and_looks_nowhere_else(on_a_pi: Loader) -> None:
    """Neither on USB nor in the network of whoever is there."""
    on_a_pi.without_script()
    with plugged(on_a_pi.machine()) as machine:
        machine.until("resetting", 180)
        assert not re.search("BOOTP|DHCP|TFTP|USB", machine.console.split("Net:", 1)[1]), machine.console


def test_nothing_of_a_machine_is_left(loader: Loader) -> None:
    loader.happens(1)
    found = subprocess.run(["pgrep", "-f", str(loader.work)], capture_output=True, text=True, check=False).stdout
    assert found == ""
