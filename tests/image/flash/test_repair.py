"""A unit's card mended in place: its release is as signed again, its tables and what it keeps are as they were."""

import random
from pathlib import Path

import pytest

from hdu import cli
from image import card
from image.boot import ENVIRONMENT_AT, ENVIRONMENT_SIZE, FRESH, parsed
from image.flash import release
from image.slot import Slot
from tests.image.flash.conftest import MIB, Signer

DATA = random.Random(7).randbytes(256 * 1024)


@pytest.fixture
def image(tmp_path: Path, trusted: Signer) -> Path:
    """The layout of a unit, with little in it."""
    for name in ("firmware", "boot", "root"):
        (tmp_path / name).write_bytes(random.Random(name).randbytes(128 * 1024))
    made = card.written(
        tmp_path / "unit.img", tmp_path / "firmware", Slot(tmp_path / "root", tmp_path / "boot", "0" * 64)
    )
    release.sign(made, trusted.certificate, str(trusted.key))
    return made


@pytest.fixture
def worn(tmp_path: Path, image: Path) -> Path:
    """That unit after a while: grown, with data, no slot whole and no try left."""
    at = tmp_path / "worn.img"
    with at.open("wb") as out:
        out.truncate(card.SIZE + 512 * MIB)
        for place, table in card.tables().items():
            grown = bytearray(table)
            if place == 0:
                grown[446 + 3 * 16 + 12] ^= 0xFF  # the extended partition's size, as sfdisk has changed it
            out.seek(place)
            out.write(grown)
        for place in (*ENVIRONMENT_AT, card.BOOT_AT[0], card.ROOT_AT[0]):
            out.seek(place)
            out.write(b"\xaa" * ENVIRONMENT_SIZE)
        out.seek(card.DATA_AT)
        out.write(DATA)
    return at


def flash(image: Path, trusted: Signer, to: Path, *more: str) -> int:
    words = ["flash", str(image), "--to", str(to), "--authority", str(trusted.authority), "--yes", *more]
    return cli.main([*words, "--log", str(to.parent / "log")])


def read(file: Path, at: int, size: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(at)
        return opened.read(size)


def test_the_release_is_anew_and_what_the_unit_keeps_stays(image: Path, worn: Path, trusted: Signer) -> None:
    before = {at: read(worn, at, 512) for at in card.tables()}
    assert flash(image, trusted, worn, "--mend") == 0
    assert {at: read(worn, at, 512) for at in card.tables()} == before
    assert read(worn, card.DATA_AT, len(DATA)) == DATA
    for at in (card.FIRMWARE_AT, card.BOOT_AT[0], card.ROOT_AT[0]):
        assert read(worn, at, 128 * 1024) == read(image, at, 128 * 1024)
    assert all(parsed(read(worn, at, ENVIRONMENT_SIZE)) == FRESH for at in ENVIRONMENT_AT)


def test_without_it_everything_is_written(image: Path, worn: Path, trusted: Signer) -> None:
    assert flash(image, trusted, worn) == 0
    assert read(worn, 0, 512) == card.tables()[0]


def test_what_is_no_unit_s_card_is_not_touched(
    image: Path, tmp_path: Path, trusted: Signer, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.img"
    other.write_bytes(b"\xaa" * MIB)
    with other.open("r+b") as out:
        out.truncate(card.SIZE)
    assert flash(image, trusted, other, "--mend") == 1
    assert "not the card of a unit" in capsys.readouterr().err
    assert read(other, 0, MIB) == b"\xaa" * MIB


def test_a_map_that_mixes_tables_with_other_things_is_refused(
    tmp_path: Path, image: Path, worn: Path, trusted: Signer, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image that was copied without its holes has a table in a range of other bytes."""
    full = tmp_path / "full.img"
    with full.open("wb") as out:
        out.write(b"\xaa" * MIB)
        out.truncate(card.SIZE)
    release.sign(full, trusted.certificate, str(trusted.key))
    assert flash(full, trusted, worn, "--mend") == 1
    assert "does not keep its tables apart" in capsys.readouterr().err
    assert read(worn, card.DATA_AT, len(DATA)) == DATA
