"""What is said of a card, and what is logged."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hdu.flash import report
from image.flash.blockmap import BlockMap, Range
from image.flash.disks import Disk
from image.flash.medium import RealDisk
from image.flash.writing import Card

MAP = BlockMap(size=400_000_000, ranges=(Range(0, 100_000_000, ""),))
AT = "2026-11-22T10:00:00+00:00"


def writing(fault: str = "") -> report.Writing:
    return report.Writing(Path("hdu.img"), "agency", MAP, fault, began_s=10.0, seconds=4.0)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    file = tmp_path / "sda"
    file.write_bytes(b"\0" * 4_096)
    made = Card("sda", RealDisk(file))
    made.written_at = 12.0
    yield made
    made.medium.close()


def test_a_card_that_passed_is_told_with_both_rates(card: Card) -> None:
    card.done = True
    words = "100 of 400 MB are data, written at 50 MB/s; with all of it read back 4.0 s, 25 MB/s"
    assert report.line(writing(), card) == f"PASS sda: {words}"


@pytest.mark.parametrize(("own", "told"), [("the disk failed", "the disk failed"), ("", "the image is torn")])
def test_a_card_that_failed_tells_its_own_fault_before_the_images(card: Card, own: str, told: str) -> None:
    card.fault = own
    assert report.line(writing("the image is torn"), card) == f"FAIL sda: {told}"


def test_every_card_is_a_line_of_the_log(tmp_path: Path, card: Card) -> None:
    card.done = True
    found = report.result(AT, writing("the image is torn"), card, Disk("sda", "Reader", 1, True, "S1"))
    report.log([found], tmp_path / "log")
    report.log([found], tmp_path / "log")
    lines = (tmp_path / "log/flash.log").read_bytes().splitlines()
    assert [msgspec.json.decode(each, type=report.Result) for each in lines] == [found, found]
    assert (found.passed, found.fault, found.serial, found.mapped_bytes) == (True, "", "S1", 100_000_000)
