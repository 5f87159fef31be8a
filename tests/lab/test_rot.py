"""A card that decays: whatever of it does, the unit comes up with what is left, and says what is lost.

Kernel, initrd and the loader's environment are in test_boot_choice.py, by the dozen.
"""

import os
from pathlib import Path

import pytest

from image import card
from image.build import Built
from image.machine import CARD_SIZE
from image.slot import BOOT_SIZE
from image.tools import Tools
from tests.lab import guest, rehearsal
from tests.lab.guest import Guest
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def pulled(ready: Path, tools: Tools, tmp_path: Path) -> Path:
    """The raw card of a unit that was up when its plug was pulled."""
    return guest.unplugged(ready, tmp_path / "machine", tools)


def put(at: Path, place: int, data: bytes) -> None:
    with at.open("r+b") as out:
        out.seek(place)
        out.write(data)


def copied(at: Path, here: int, there: int, size: int) -> None:
    with at.open("rb") as file:
        file.seek(here)
        data = file.read(size)
    put(at, there, data)


def test_the_plug_of_a_unit_that_is_up_is_pulled(pulled: Path, tools: Tools) -> None:
    with plugged(Guest(pulled.parent, tools, card="card.img")) as run:
        assert run.is_ready()[1] == "running"
        rehearsal.is_itself(run)


def test_a_root_that_is_not_the_one_that_was_signed_gives_way_to_the_other_slot(pulled: Path, tools: Tools) -> None:
    """Slot B is a copy of A; then A's root is another, from a place on that each boot reads."""
    copied(pulled, card.BOOT_AT[0], card.BOOT_AT[1], BOOT_SIZE)
    copied(pulled, card.ROOT_AT[0], card.ROOT_AT[1], card.ROOT_SIZE)
    put(pulled, card.ROOT_AT[0], os.urandom(1 << 20))
    with plugged(Guest(pulled.parent, tools, card="card.img")) as run:
        run.until("hdu: starting slot B", guest.BOOT_S)
        assert run.console.count("hdu: starting slot A") == 3
        assert "rauc.slot=B" in run.answers().run("cat /proc/cmdline")
        rehearsal.is_itself(run)


def test_a_data_partition_with_holes_is_repaired_and_the_unit_is_itself(pulled: Path, tools: Tools) -> None:
    """The first superblock and the block groups' descriptors are gone; their copies are not."""
    put(pulled, card.DATA_AT + 1024, bytes(3072))
    with plugged(Guest(pulled.parent, tools, card="card.img")) as run:
        run.answers()
        rehearsal.is_itself(run)


def test_a_data_partition_beyond_repair_is_made_anew_and_told(pulled: Path, built: Built, tools: Tools) -> None:
    """Every block group's start is noise. What it held is lost: the unit is blank, and says so."""
    for place in range(card.DATA_AT, CARD_SIZE, 64 << 20):
        put(pulled, place, os.urandom(24 << 20))
    with plugged(Guest(pulled.parent, tools, card="card.img")) as run:
        assert run.is_ready()[2] == "A"
        assert run.run("test -e /run/hdu-data-lost; findmnt -n -o FSTYPE /data") == "ext4"
        assert "beyond repair" in run.run("journalctl -k -b --no-pager; dmesg")
