"""`hdu flash`: without an image the disks that may be written; with one, writes and verifies one or several at once.

--site: each card also says whose unit it is to make (hdu provision): the agency's site file, and labels that are asked
for, scanned, or in a file. --mend: a unit's card that starts no more gets its release anew, and keeps what it holds.

Exit 0: every disk passed. 1: one did not, or the image is not to be trusted. 2: a disk that must not be written.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hdu.arguments import Arguments
from hdu.disk import target
from hdu.failure import Failure
from hdu.flash import choosing, report, whose_unit
from hdu.flash.progress import write
from hdu.provision import ways_to_answer
from image.flash import disks, release
from image.flash.blockmap import BlockMap, BlockMapError
from image.flash.medium import MediumError, RealDisk
from image.flash.repair import mending
from image.flash.signature import SignatureError
from image.flash.writing import Card, ImageFault, check

AUTHORITY = Path("/etc/hdu/release-ca.pem")


def _run(given: argparse.Namespace, blockmap: BlockMap, signer: str) -> int:
    chosen = choosing.chosen(given.to, blockmap)
    wanted = whose_unit.wanted(given, [disk.name for disk, _ in chosen])
    if not given.yes and not choosing.sure([disk for disk, _ in chosen], given.mend):
        raise Failure("hdu flash: nothing was written")
    cards = [Card(disk.name, RealDisk(path)) for disk, path in chosen]
    for card in cards if given.mend else ():
        blockmap = mending(blockmap, card.medium)
    writing = _written(given.image, blockmap, signer, cards)
    for card, (_, path), identity in zip(cards, chosen, wanted, strict=True):
        whose_unit.prepare(card, path, identity)
    for card in cards:
        card.medium.close()
        print(report.line(writing, card))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    results = [report.result(now, writing, card, disk) for card, (disk, _) in zip(cards, chosen, strict=True)]
    report.log(results, given.log)
    return 0 if all(each.passed for each in results) else 1


def _written(image: Path, blockmap: BlockMap, signer: str, cards: Sequence[Card]) -> report.Writing:
    began_s = time.monotonic()
    fault = write(image, blockmap, cards)
    return report.Writing(image, signer, blockmap, fault, began_s, time.monotonic() - began_s)


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
        print(choosing.listing(disks.offered()))
        return 0 if given.image is None else 2
    try:
        blockmap, signer = release.trusted(given.image, given.authority)
        print(f"{given.image.name}: signed by {signer}", file=sys.stderr)
        return _check(given, blockmap) if given.check else _run(given, blockmap, signer)
    except (SignatureError, BlockMapError, MediumError, OSError) as error:
        raise Failure(f"hdu flash: {error}") from error
