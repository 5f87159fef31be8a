"""`make bench-flash`: `hdu flash`'s writing against dd, in turns in one run, to a file-backed disk without holes.

dd writes only (bs=4M conv=fsync; `dd_direct` also oflag=direct). flash hashes the image against its signed map, writes,
and reads every byte back past the page cache. Beside both stand the parts: `written` is flash's rate until its last
byte was on the disk, `read` is the disk alone read by dd (iflag=direct), `dd_cmp` keeps flash's promise with dd:
dd_direct, then the disk read into cmp. `bound` is what a disk allows that does one thing at a time: each byte of data
written at the faster dd's rate and read once at `read`'s; nobody who verifies every byte is faster there.

Each round runs all of it, each time in another order; the ratios are medians over the rounds. Images: a full one; half
and nine tenths holes; and a card as the product's is (image/card.py), or a real one (ARGS="--image card.img").
results/flash.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from image import card as layout
from image.flash import blockmap
from image.flash.blockmap import BlockMap
from image.flash.medium import RealDisk
from image.flash.writing import Card, flash
from image.slot import ROOT_LIMIT

MIB = 1 << 20
RESULTS = Path("results/flash.json")
FIRMWARE_BYTES, BOOT_BYTES = 24 * MIB, 32 * MIB  # firmware and U-Boot; kernel and initrd
Extents = Iterator[tuple[int, int]]


def every(megabytes: int, step: int) -> Extents:
    """A MiB of data in each `step`-th."""
    return ((number * MIB, MIB) for number in range(0, megabytes, step))


def as_built() -> Extents:
    """Where the product's card has data: slot A as large as it may become, slot B and the data partition empty."""
    yield 0, MIB
    yield layout.FIRMWARE_AT, FIRMWARE_BYTES
    yield layout.BOOT_AT[0], BOOT_BYTES
    yield layout.ROOT_AT[0], ROOT_LIMIT // MIB * MIB


def write_image(at: Path, size: int, extents: Extents) -> BlockMap:
    """Random data there, holes between."""
    with at.open("wb") as out:
        for offset, length in extents:
            out.seek(offset)
            for _ in range(length // MIB):
                out.write(os.urandom(MIB))
        out.truncate(size)
    os.sync()
    return blockmap.make(at)


def run_s(words: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def dd_s(image: Path, disk: Path, *flags: str) -> float:
    return run_s(["dd", f"if={image}", f"of={disk}", "bs=4M", "conv=notrunc,fsync", *flags])


def read_s(disk: Path) -> float:
    return run_s(["dd", f"if={disk}", "of=/dev/null", "bs=4M", "iflag=direct"])


def dd_cmp_s(image: Path, disk: Path) -> float:
    words = f"dd if='{disk}' bs=4M iflag=direct status=none | cmp - '{image}'"
    return dd_s(image, disk, "oflag=direct") + run_s(["sh", "-c", words])


def flash_s(image: Path, disk: Path, made: BlockMap) -> tuple[float, float]:
    """Until the last byte was written, and until all was read back; SystemExit where the disk did not pass."""
    began = time.monotonic()
    one = Card("disk", RealDisk(disk))
    flash(image, made, [one])
    one.medium.close()
    if not one.done:
        sys.exit(f"bench-flash: {one.fault}")
    return one.written_at - began, time.monotonic() - began


def took_s(image: Path, disk: Path, made: BlockMap, rounds: int) -> dict[str, float]:
    """The median seconds of each, all in turns."""
    took: dict[str, list[float]] = {name: [] for name in ("dd", "dd_direct", "dd_cmp", "read", "written", "flash")}

    def both() -> None:
        written, whole = flash_s(image, disk, made)
        took["written"].append(written)
        took["flash"].append(whole)

    runs: list[Callable[[], None]] = [
        lambda: took["dd"].append(dd_s(image, disk)),
        lambda: took["dd_direct"].append(dd_s(image, disk, "oflag=direct")),
        lambda: took["dd_cmp"].append(dd_cmp_s(image, disk)),
        lambda: took["read"].append(read_s(disk)),
        both,
    ]
    dd_s(image, disk)  # once unmeasured: blocks allocated, image in memory
    for number in range(rounds):
        turn = number % len(runs)
        for each in runs[turn:] + runs[:turn]:
            each()
    return {name: statistics.median(each) for name, each in took.items()}


def measure(folder: Path, image: Path, made: BlockMap, rounds: int) -> dict[str, float]:
    """MB/s of the whole image (`written` too: it stands for what dd would have written), and flash to each."""
    disk = folder / "disk"
    with disk.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, made.size)
    seconds = took_s(image, disk, made, rounds)
    disk.unlink()
    speeds = {name: made.size / 1e6 / each for name, each in seconds.items()}
    share = made.mapped / made.size
    bound = 1 / (1 / max(speeds["dd"], speeds["dd_direct"]) + 1 / speeds["read"]) / share
    ratios = {f"to_{name}": speeds["flash"] / speeds[name] for name in ("dd", "dd_direct", "dd_cmp")}
    ratios |= {"written_to_dd": speeds["written"] / speeds["dd"], "to_bound": speeds["flash"] / bound}
    return {"image_mb": made.size / 1e6, "mapped_mb": made.mapped / 1e6, **speeds, "bound": bound, **ratios}


def images(folder: Path, megabytes: int, real: Path | None) -> Iterator[tuple[str, Path, BlockMap]]:
    at, size = folder / "image", megabytes * MIB
    for name, step in {"full": 1, "half": 2, "tenth": 10}.items():
        yield name, at, write_image(at, size, every(megabytes, step))
    if real is not None:
        yield "real card", real, blockmap.make(real)
    else:
        yield "card", at, write_image(at, layout.SIZE, as_built())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image", type=Path, help="a card that was built, in place of one that is like it")
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for name, image, made in images(Path(folder), given.megabytes, given.image):
            found[name] = measure(Path(folder), image, made, given.rounds)
            print(f"{name:<9}", "  ".join(f"{key} {value:.2f}" for key, value in found[name].items()), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    report = {"load_1m": os.getloadavg()[0], "rounds": given.rounds, **found}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
