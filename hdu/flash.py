"""`hdu flash`: without an image the disks that may be written; with one, writes and verifies one or several at once.

--mend: a unit's card that starts no more gets its release anew, and keeps what it holds (docs/image.md).

Exit 0: every disk passed. 1: one did not, or the image is not to be trusted. 2: a disk that must not be written.
"""

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hdu.arguments import Arguments
from hdu.failure import Failure
from image.flash import disks, release
from image.flash.blockmap import BlockMap, BlockMapError
from image.flash.medium import MediumError, RealDisk
from image.flash.repair import mending
from image.flash.signature import SignatureError
from image.flash.writing import Card, ImageFault, check, flash

SHOWN_EVERY_S = 0.2
AUTHORITY = Path("/etc/hdu/release-ca.pem")


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


def listing(found: Sequence[disks.Disk]) -> str:
    """The removable disks as lines: name, size, model, and why not where one may not be written."""
    if not found:
        return "no removable disk; put a card into the reader"
    return "\n".join(
        f"{disk.name:<8} {disk.size / 1e9:8.1f} GB  {disk.model}" + (f"  ({disk.refused})" if disk.refused else "")
        for disk in found
    )


def target(word: str, known: Sequence[disks.Disk], dev: Path = Path("/dev")) -> tuple[disks.Disk, Path]:
    """What `--to` names: a removable disk by its name, or a file; Failure where it must not be written."""
    path = Path(word)
    if path.is_file() and not path.is_symlink():
        return disks.Disk(path.name, "file", path.stat().st_size, removable=True), path
    name = word.removeprefix("/dev/")
    for disk in known:
        if disk.name == name and not disk.refused:
            return disk, dev / name
        if disk.name == name:
            raise Failure(f"hdu flash: {name} is refused: {disk.refused}", status=2)
    raise Failure(f"hdu flash: {word} is no disk of this machine (a partition is not one); see: hdu flash", status=2)


def _write(image: Path, blockmap: BlockMap, cards: Sequence[Card]) -> str:
    """Writes with a bar per disk; the image's fault in words, or nothing."""
    faults: list[str] = []

    def work() -> None:
        try:
            flash(image, blockmap, cards)
        except (ImageFault, OSError) as fault:
            faults.append(str(fault))

    thread = threading.Thread(target=work)
    columns = (TextColumn("{task.description}"), BarColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        bars = [shown.add_task(card.name, total=2 * blockmap.mapped) for card in cards]
        thread.start()
        while thread.is_alive():
            thread.join(SHOWN_EVERY_S)
            for bar, card in zip(bars, cards, strict=True):
                shown.update(bar, completed=card.written + card.checked)
    return "".join(faults)


def _log(results: Sequence[Result], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flash.log").open("ab") as log:
        log.writelines(msgspec.json.encode(each) + b"\n" for each in results)


def _sure(chosen: Sequence[disks.Disk], mend: bool) -> bool:
    what = "These get the release anew, what they keep stays" if mend else "Everything on these is lost"
    print(f"{what}:\n{listing(chosen)}")
    return input("Type yes to go on: ").strip().lower() == "yes"


def _run(given: argparse.Namespace, blockmap: BlockMap, signer: str) -> int:
    chosen = [target(word, disks.all_disks()) for word in given.to]
    if len({path.resolve() for _, path in chosen}) != len(chosen):
        raise Failure("hdu flash: one disk is named twice; name each once", status=2)
    small = [disk.name for disk, _ in chosen if disk.size < blockmap.size]
    if small:
        raise Failure(
            f"hdu flash: too small for {blockmap.size / 1e9:.1f} GB: {', '.join(small)}; take a larger one", 2
        )
    if not given.yes and not _sure([disk for disk, _ in chosen], given.mend):
        raise Failure("hdu flash: nothing was written")
    cards = [Card(disk.name, RealDisk(path)) for disk, path in chosen]
    for card in cards if given.mend else ():
        blockmap = mending(blockmap, card.medium)
    began = time.monotonic()
    fault = _write(given.image, blockmap, cards)
    seconds = time.monotonic() - began
    now = datetime.now(UTC).isoformat(timespec="seconds")
    results = []
    for card, (disk, _) in zip(cards, chosen, strict=True):
        card.medium.close()
        wrong = "" if card.done else card.fault or fault
        words = (now, str(given.image), signer, disk.name, disk.model, disk.serial)
        results.append(Result(*words, card.done, wrong, blockmap.mapped, seconds))
        print(
            f"PASS {disk.name}: {_speed(blockmap, card.written_at - began, seconds)}"
            if card.done
            else f"FAIL {disk.name}: {wrong}"
        )
    _log(results, given.log)
    return 0 if all(each.passed for each in results) else 1


def _speed(blockmap: BlockMap, written_s: float, seconds: float) -> str:
    """Both rates: a card is often much slower to write than to read."""
    data_mb, image_mb = blockmap.mapped / 1e6, blockmap.size / 1e6
    written = f"{data_mb:.0f} of {image_mb:.0f} MB are data, written at {data_mb / written_s:.0f} MB/s"
    return f"{written}; with all of it read back {seconds:.1f} s, {data_mb / seconds:.0f} MB/s"


def _check(given: argparse.Namespace, blockmap: BlockMap) -> int:
    """Reads disks that were flashed, and changes nothing."""
    status = 0
    for word in given.to:
        _, path = target(word, disks.all_disks())
        disk = RealDisk(path)
        try:
            print(f"PASS {path.name}: {list(check(disk, blockmap))[-1]} bytes are as signed")
        except ImageFault as fault:
            print(f"FAIL {path.name}: {fault}")
            status = 1
        finally:
            disk.close()
    return status


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu flash", description=__doc__)
    parser.add_argument("image", type=Path, nargs="?", help="with IMAGE.bmap and IMAGE.bmap.p7s beside it")
    parser.add_argument("--to", nargs="+", default=[], metavar="DISK", help="names as shown by hdu flash, or files")
    parser.add_argument("--authority", type=Path, default=AUTHORITY, help=f"who may sign images ({AUTHORITY})")
    parser.add_argument("--check", action="store_true", help="read the disks against the image's map, write nothing")
    parser.add_argument("--mend", action="store_true", help="write the release anew, and leave what the unit keeps")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--log", type=Path, default=release.log_folder(), help="folder of flash.log")
    given = parser.parse_args(arguments)
    if given.image is None or not given.to:
        print(listing(disks.offered()))
        return 0 if given.image is None else 2
    try:
        blockmap, signer = release.trusted(given.image, given.authority)
        print(f"{given.image.name}: signed by {signer}", file=sys.stderr)
        return _check(given, blockmap) if given.check else _run(given, blockmap, signer)
    except (SignatureError, BlockMapError, MediumError, OSError) as error:
        raise Failure(f"hdu flash: {error}") from error
