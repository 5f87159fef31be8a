"""The card's tables as the kernel reads them, the boot loader's environment, and the initrd's archive."""

import itertools
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from image import card
from image.boot import ENVIRONMENT_AT, ENVIRONMENT_SIZE, FRESH, environment, parsed
from image.flash import blockmap
from image.initrd.cpio import Archive
from image.slot import BOOT_SIZE, Slot

WORDS = st.text(st.characters(codec="ascii", exclude_characters="\0=", exclude_categories=["Cc"]), min_size=1)


@given(st.dictionaries(WORDS, WORDS, min_size=1, max_size=8))
def test_an_environment_comes_back_as_it_was(values: dict[str, str]) -> None:
    block = environment(values)
    assert len(block) == ENVIRONMENT_SIZE
    assert parsed(block) == values


@given(st.integers(0, ENVIRONMENT_SIZE - 1), st.integers(1, 255))
def test_an_environment_with_a_flipped_byte_is_none(place: int, change: int) -> None:
    block = bytearray(environment())
    block[place] ^= change
    assert parsed(bytes(block)) is None


def partitions(image: bytes) -> dict[int, tuple[int, int, int]]:
    """Kind, start and size in bytes of each partition, followed as the kernel does (block/partitions/msdos.c)."""

    def lines(at: int) -> list[tuple[int, int, int]]:
        assert image[at + 510 : at + 512] == b"\x55\xaa"
        found = [struct.unpack_from("<4xB3xII", image, at + 446 + 16 * number) for number in range(4)]
        return [(kind, start * 512, size * 512) for kind, start, size in found]

    all_ = dict(enumerate(lines(0), 1))
    at, number = all_[4][1], 5
    while True:
        (kind, start, size), (linked, after, _), *_ = lines(at)
        all_[number] = (kind, at + start, size)
        if not linked:
            return all_
        at, number = all_[4][1] + after, number + 1


def made(folder: Path) -> bytes:
    for name in ("firmware", "boot", "root"):
        (folder / name).write_bytes(name.encode() * 1000)
    slot = Slot(folder / "root", folder / "boot", "0" * 64)
    return card.written(folder / "card.img", folder / "firmware", slot).read_bytes()


def test_the_card_has_its_partitions_and_nothing_overlaps(tmp_path: Path) -> None:
    image = made(tmp_path)
    found = partitions(image)
    assert {number: (start, size) for number, (_, start, size) in found.items() if number in (2, 3, 5, 6)} == {
        2: (card.BOOT_AT[0], BOOT_SIZE),
        3: (card.BOOT_AT[1], BOOT_SIZE),
        5: (card.ROOT_AT[0], card.ROOT_SIZE),
        6: (card.ROOT_AT[1], card.ROOT_SIZE),
    }
    taken = sorted((start, start + size) for number, (_, start, size) in found.items() if number != 4)
    taken = [(0, 512), *((at, at + ENVIRONMENT_SIZE) for at in ENVIRONMENT_AT), *taken]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(taken))
    assert taken[-1][1] == card.SIZE == len(image)
    assert image[card.ROOT_AT[0] :].startswith(b"rootroot")
    assert image[card.BOOT_AT[0] :].startswith(b"bootboot")
    assert all(parsed(image[at : at + ENVIRONMENT_SIZE]) == FRESH for at in ENVIRONMENT_AT)


def test_the_card_takes_no_more_room_than_what_is_on_it(tmp_path: Path) -> None:
    made(tmp_path)
    assert (tmp_path / "card.img").stat().st_blocks * 512 < 1 << 20


def test_the_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    archive = Archive()
    archive.file("usr/bin/tool", b"#!/bin/sh\n", 0o755)
    archive.file("init", b"12345", 0o755)
    archive.link("bin", "usr/bin")
    data = archive.bytes()
    assert data[:6] == b"070701"
    assert len(data) % 4 == 0
    names, at = [], 0
    while at < len(data):
        size, length = int(data[at + 54 : at + 62], 16), int(data[at + 94 : at + 102], 16)
        names.append(data[at + 110 : at + 110 + length - 1].decode())
        at = (at + 110 + length + 3) // 4 * 4
        at = (at + size + 3) // 4 * 4
    assert names == ["bin", "init", "usr", "usr/bin", "usr/bin/tool", "TRAILER!!!"]


def test_what_another_unit_kept_is_not_found_again(tmp_path: Path) -> None:
    """ext4's superblock is at 1 KiB, LUKS2's two headers are at 0 and 16 KiB: what hdu flash writes covers them."""
    for name in ("firmware", "boot", "root"):
        (tmp_path / name).write_bytes(name.encode())
    slot = Slot(tmp_path / "root", tmp_path / "boot", "0" * 64)
    at = card.written(tmp_path / "card.img", tmp_path / "firmware", slot)
    (written,) = [each for each in blockmap.make(at).ranges if each.offset == card.DATA_AT]
    assert written.length == len(card.BLANK) >= 32 << 10
    with at.open("rb") as image:
        image.seek(card.DATA_AT)
        assert image.read(written.length) == card.BLANK and b"\0" not in card.BLANK
