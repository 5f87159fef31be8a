"""`hdu flash`: without an image the disks that may be written; with one, writes and verifies one or several at once.

--site: each card also says whose unit it is to make (hdu provision): the agency's site file, and labels that are asked
for, scanned, or in a file. --mend: a unit's card that starts no more gets its release anew, and keeps what it holds.

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
from hdu.disk import target
from hdu.failure import Failure
from hdu.provision import answers, on_unit, site_file, station, ways_to_answer
from hdu.provision.files import read
from image.flash import disks, release
from image.flash.blockmap import BlockMap, BlockMapError
from image.flash.medium import MediumError, RealDisk
from image.flash.repair import mending
from image.flash.signature import SignatureError
from image.flash.writing import Card, ImageFault, check, flash

SHOWN_EVERY_S = 0.2
AUTHORITY = Path("/etc/hdu/release-ca.pem")
Identity = tuple[bytes, answers.Answers]


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
    wanted = _wanted(given, [disk.name for disk, _ in chosen])
    if not given.yes and not _sure([disk for disk, _ in chosen], given.mend):
        raise Failure("hdu flash: nothing was written")
    cards = [Card(disk.name, RealDisk(path)) for disk, path in chosen]
    for card in cards if given.mend else ():
        blockmap = mending(blockmap, card.medium)
    began = time.monotonic()
    fault = _write(given.image, blockmap, cards)
    seconds = time.monotonic() - began
    for card, (_, path), found in zip(cards, chosen, wanted, strict=True):
        _prepare(card, path, found)
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


def _wanted(given: argparse.Namespace, names: Sequence[str]) -> list[Identity | None]:
    """The site file and each card's answers, all checked before anything is written; Failure with every fault."""
    if given.site is None:
        return [None] * len(names)
    if given.mend or (given.answers and len(names) > 1):
        raise Failure("hdu flash: --site is for new cards (without --mend), --answers for one card alone", status=2)
    try:
        data = read(given.site)
        has_lte = site_file.read(data, str(given.site)).has_lte
        return [(data, _asked(given, name, has_lte)) for name in names]
    except (site_file.SiteFileRefused, answers.AnswersRefused) as error:
        raise Failure("\n".join(f"hdu flash: {each}" for each in str(error).splitlines())) from error
    except EOFError as error:
        raise Failure("hdu flash: not every question was answered; nothing was written") from error


def _asked(given: argparse.Namespace, name: str, has_lte: bool) -> answers.Answers:
    if given.answers is None:
        print(f"The unit that gets {name}:")
    return on_unit.asked(given, {}, has_lte)


def _prepare(card: Card, path: Path, found: Identity | None) -> None:
    """What the unit is to become, onto a card that passed; while it is held, so that nobody mounts it meanwhile."""
    if found is None or not card.done:
        return
    try:
        station.prepare(station.OnDisk(path), *found)
    except OSError as error:
        card.fault, card.done = f"written, but it says not whose unit it is: {error}", False


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
    parser.add_argument("--site", type=Path, help="the agency's site file: the unit provisions itself at its start")
    ways_to_answer(parser)
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
