"""What became of each card: a line for who flashes, and one for the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from image.flash.blockmap import BlockMap
from image.flash.disks import Disk
from image.flash.writing import Card


class Writing(NamedTuple):
    """What all cards of one run have in common; `fault` is the image's, `began_s` is monotonic."""

    image: Path
    signer: str
    blockmap: BlockMap
    fault: str
    began_s: float
    seconds: float


class Result(msgspec.Struct, frozen=True):
    """One line of the log."""

    at: str
    image: str
    signer: str
    disk: str
    model: str
    serial: str
    passed: bool
    fault: str
    mapped_bytes: int
    seconds: float


def result(at: str, of: Writing, card: Card, disk: Disk) -> Result:
    words = (at, str(of.image), of.signer, disk.name, disk.model, disk.serial)
    return Result(*words, card.done, _wrong(of, card), of.blockmap.mapped, of.seconds)


def line(of: Writing, card: Card) -> str:
    if not card.done:
        return f"FAIL {card.name}: {_wrong(of, card)}"
    return f"PASS {card.name}: {_speed(of.blockmap, card.written_at - of.began_s, of.seconds)}"


def log(results: Sequence[Result], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flash.log").open("ab") as file:
        file.writelines(msgspec.json.encode(each) + b"\n" for each in results)


def _wrong(of: Writing, card: Card) -> str:
    return "" if card.done else card.fault or of.fault


def _speed(blockmap: BlockMap, written_s: float, seconds: float) -> str:
    """Both rates: a card is often much slower to write than to read."""
    data_mb, image_mb = blockmap.mapped / 1e6, blockmap.size / 1e6
    written = f"{data_mb:.0f} of {image_mb:.0f} MB are data, written at {data_mb / written_s:.0f} MB/s"
    return f"{written}; with all of it read back {seconds:.1f} s, {data_mb / seconds:.0f} MB/s"
