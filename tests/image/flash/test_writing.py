"""Cards written, several at once, and every way in which one is not right."""

import errno
import json
import mmap
import random
import threading
from pathlib import Path

import pytest

from hdu import cli
from image.flash import blockmap, release
from image.flash.medium import RealDisk
from image.flash.writing import Card, ImageFault, check, flash
from tests.image.flash.conftest import MIB, Signer

FLIPS = 100
PATIENCE_S = 5.0


class FlippingDisk(RealDisk):
    """A disk that stores one byte wrong, as worn flash does."""

    flip_at = -1

    def write(self, offset: int, data: memoryview) -> None:
        stored = data
        if offset <= self.flip_at < offset + len(data):
            stored = memoryview(mmap.mmap(-1, len(data)))
            stored[:] = data
            stored[self.flip_at - offset] ^= 1 << self.flip_at % 8
        super().write(offset, stored)


class SmallDisk(RealDisk):
    """A false card: says 20 MiB, has 6, and begins again at 0."""

    def write(self, offset: int, data: memoryview) -> None:
        super().write(offset % (6 * MIB), data)

    def fill(self, offset: int, length: int) -> int:
        return super().fill(offset % (6 * MIB), length)


class PulledDisk(RealDisk):
    """Pulled out after a few writes."""

    left = 2

    def write(self, offset: int, data: memoryview) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "Input/output error")
        super().write(offset, data)


class ToldDisk(RealDisk):
    """Keeps what was asked of it, in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[str] = []

    def write(self, offset: int, data: memoryview) -> None:
        self.asked.append(f"write {offset}" + ("" if any(data) else " blank"))
        super().write(offset, data)

    def sync(self) -> None:
        self.asked.append("sync")
        super().sync()


class OverlapDisk(RealDisk):
    """Reading back the first range ends only once another range is being written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.writes, self.next_write = 0, threading.Event()

    def write(self, offset: int, data: memoryview) -> None:
        self.writes += 1
        if self.writes > 2:  # the blank, the first range, then another
            self.next_write.set()
        super().write(offset, data)

    def fill(self, offset: int, length: int) -> int:
        if not self.next_write.wait(PATIENCE_S):
            raise OSError(errno.ETIMEDOUT, "writing waited for reading back")
        return super().fill(offset, length)


def holds(card: Path, image: Path) -> bool:
    written, wanted = card.read_bytes(), image.read_bytes()
    ranges = blockmap.make(image).ranges
    return all(written[r.offset : r.offset + r.length] == wanted[r.offset : r.offset + r.length] for r in ranges)


def arguments(image: Path, trusted: Signer, *cards: Path) -> list[str]:
    names = [str(card) for card in cards]
    return [
        "flash",
        str(image),
        "--authority",
        str(trusted.authority),
        "--yes",
        "--log",
        str(image.parent),
        "--to",
        *names,
    ]


def test_two_cards_at_once_pass_and_the_log_says_so(
    image: Path, card: Path, trusted: Signer, capsys: pytest.CaptureFixture[str]
) -> None:
    second = card.with_name("second")
    second.write_bytes(card.read_bytes())
    assert cli.main(arguments(image, trusted, card, second)) == 0
    assert holds(card, image) and holds(second, image)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["PASS card", "PASS second"]
    assert len((image.parent / "flash.log").read_text().splitlines()) == 2


def test_holes_are_skipped(image: Path, card: Path, trusted: Signer) -> None:
    cli.main(arguments(image, trusted, card))
    assert card.read_bytes()[7 * MIB : 20 * MIB] == b"\xaa" * (13 * MIB)


def test_an_image_that_is_not_signed_touches_nothing(image: Path, card: Path, trusted: Signer) -> None:
    release.signature_of(image).write_bytes(b"nothing")
    assert cli.main(arguments(image, trusted, card)) == 1
    assert card.read_bytes() == b"\xaa" * (20 * MIB)


def test_a_card_that_is_too_small_is_refused_before_it_is_touched(image: Path, card: Path, trusted: Signer) -> None:
    card.write_bytes(b"\xaa" * MIB)
    assert cli.main(arguments(image, trusted, card)) == 2
    assert card.read_bytes() == b"\xaa" * MIB


def test_a_flipped_byte_in_the_image_is_never_written(image: Path, card: Path) -> None:
    """FLIPS tries; the card has no beginning afterwards, so it does not boot."""
    chance, made = random.Random(3), blockmap.make(image)
    good = image.read_bytes()
    for _ in range(FLIPS):
        span = chance.choice(made.ranges)
        at = span.offset + chance.randrange(span.length)
        with image.open("r+b") as file:
            file.seek(at)
            file.write(bytes([good[at] ^ 1 << chance.randrange(8)]))
        tried = Card("card", RealDisk(card))
        with pytest.raises(ImageFault, match="not as signed"):
            flash(image, made, [tried])
        tried.medium.close()
        assert not tried.done and f"byte {span.offset} on" in tried.fault
        with image.open("r+b") as file:
            file.seek(at)
            file.write(good[at : at + 1])
    assert card.read_bytes()[:4096] == bytes(4096)


def test_a_byte_the_disk_stores_wrong_is_found_in_the_same_pass(image: Path, card: Path) -> None:
    chance, made = random.Random(5), blockmap.make(image)
    for _ in range(FLIPS):
        span = chance.choice(made.ranges)
        disk = FlippingDisk(card)
        disk.flip_at = span.offset + chance.randrange(span.length)
        tried = Card("card", disk)
        flash(image, made, [tried])
        disk.close()
        assert not tried.done and f"read back at byte {span.offset} " in tried.fault


def test_a_byte_that_changes_later_is_found_by_check(image: Path, card: Path, trusted: Signer) -> None:
    cli.main(arguments(image, trusted, card))
    chance, made = random.Random(6), blockmap.make(image)
    for _ in range(FLIPS):
        span = chance.choice(made.ranges)
        at = span.offset + chance.randrange(span.length)
        with card.open("r+b") as file:
            file.seek(at)
            was = file.read(1)
            file.seek(at)
            file.write(bytes([was[0] ^ 1]))
        disk = RealDisk(card)
        with pytest.raises(ImageFault, match=f"byte {span.offset} on"):
            list(check(disk, made))
        disk.close()
        with card.open("r+b") as file:
            file.seek(at)
            file.write(was)
    assert cli.main([*arguments(image, trusted, card), "--check"]) == 0


def test_one_bad_card_does_not_stop_the_other(image: Path, card: Path, tmp_path: Path) -> None:
    other = tmp_path / "pulled"
    other.write_bytes(card.read_bytes())
    cards = [Card("good", RealDisk(card)), Card("pulled", PulledDisk(other))]
    flash(image, blockmap.make(image), cards)
    for each in cards:
        each.medium.close()
    assert (cards[0].done, cards[1].done) == (True, False)
    assert "Input/output error" in cards[1].fault and holds(card, image)


def test_a_card_smaller_than_it_says_is_found(image: Path, card: Path) -> None:
    tried = Card("false", SmallDisk(card))
    flash(image, blockmap.make(image), [tried])
    tried.medium.close()
    assert not tried.done and "false card" in tried.fault


def test_the_next_range_is_written_while_the_one_before_is_read_back(image: Path, card: Path) -> None:
    disk = OverlapDisk(card)
    tried = Card("card", disk)
    flash(image, blockmap.make(image), [tried])
    disk.close()
    assert (tried.done, tried.fault) == (True, "")


def test_what_makes_it_boot_is_blank_until_all_else_is_on_the_disk_for_good(image: Path, card: Path) -> None:
    disk = ToldDisk(card)
    flash(image, blockmap.make(image), [Card("card", disk)])
    disk.close()
    assert disk.asked[0] == "write 0 blank"
    assert disk.asked[-3:] == ["sync", "write 0", "sync"]
    others = [int(asked.split()[1]) for asked in disk.asked[1:-3]]
    assert others == sorted(others) and len(others) >= 2


def test_the_bar_counts_what_is_written_and_what_is_read_back(image: Path, card: Path) -> None:
    made, tried = blockmap.make(image), Card("card", RealDisk(card))
    flash(image, made, [tried])
    tried.medium.close()
    assert tried.written == tried.checked == made.mapped


def test_the_log_says_who_signed_and_why_a_card_failed(image: Path, card: Path, trusted: Signer) -> None:
    cli.main(arguments(image, trusted, card))
    with image.open("r+b") as file:
        file.write(b"\x00" * 16)
    assert cli.main(arguments(image, trusted, card)) == 1
    passed, failed = map(json.loads, (image.parent / "flash.log").read_text().splitlines())
    assert (passed["passed"], passed["signer"], passed["disk"]) == (True, "release signer", "card")
    assert not failed["passed"] and "byte 0 on is not as signed" in failed["fault"]
