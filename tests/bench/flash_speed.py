"""`make bench-flash`: `hdu flash`'s writing against dd, in turns in one run, to a file-backed disk without holes.

dd writes only (bs=4M conv=fsync; `dd_direct` also oflag=direct); flash also hashes the image and reads every byte back
past the page cache. `dd_cmp` is what keeps flash's promise with dd: dd_direct, then the disk read (iflag=direct) into
cmp. Each round runs all four, each time in another order, since a disk may be slower after much writing; the ratios are
medians over the rounds. Then the same with images of which half and nine tenths are holes. results/flash.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from image.flash import blockmap
from image.flash.blockmap import BlockMap
from image.flash.medium import RealDisk
from image.flash.writing import Card, flash

MIB = 1 << 20
RESULTS = Path("results/flash.json")


def write_image(at: Path, megabytes: int, every: int) -> BlockMap:
    """Random data in each `every`-th MiB, holes between."""
    with at.open("wb") as out:
        for number in range(0, megabytes, every):
            out.seek(number * MIB)
            out.write(os.urandom(MIB))
        out.truncate(megabytes * MIB)
    os.sync()
    return blockmap.make(at)


def dd_s(image: Path, disk: Path, *flags: str) -> float:
    began = time.monotonic()
    words = ["dd", f"if={image}", f"of={disk}", "bs=4M", "conv=notrunc,fsync", *flags]
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def dd_cmp_s(image: Path, disk: Path) -> float:
    began = time.monotonic()
    dd_s(image, disk, "oflag=direct")
    words = f"dd if='{disk}' bs=4M iflag=direct status=none | cmp - '{image}'"
    subprocess.run(["sh", "-c", words], check=True, capture_output=True)
    return time.monotonic() - began


def flash_s(image: Path, disk: Path, made: BlockMap) -> float:
    began = time.monotonic()
    card = Card("disk", RealDisk(disk))
    flash(image, made, [card])
    card.medium.close()
    if not card.done:
        sys.exit(f"bench-flash: {card.fault}")
    return time.monotonic() - began


def measure(folder: Path, megabytes: int, rounds: int, every: int) -> dict[str, float]:
    image, disk = folder / "image", folder / "disk"
    made = write_image(image, megabytes, every)
    with disk.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, megabytes * MIB)
    runs: dict[str, Callable[[], float]] = {
        "dd": lambda: dd_s(image, disk),
        "dd_direct": lambda: dd_s(image, disk, "oflag=direct"),
        "dd_cmp": lambda: dd_cmp_s(image, disk),
        "flash": lambda: flash_s(image, disk, made),
    }
    took: dict[str, list[float]] = {name: [] for name in runs}
    runs["dd"]()  # once unmeasured: blocks allocated, image in memory
    for number in range(rounds):
        names = list(runs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            took[name].append(runs[name]())
    medians = {name: statistics.median(each) for name, each in took.items()}
    speeds = {f"{name}_mb_s": megabytes * MIB / 1e6 / each for name, each in medians.items()}
    ratios = {f"to_{name}": each / medians["flash"] for name, each in medians.items() if name != "flash"}
    return {"mapped_mb": made.mapped / 1e6, **speeds, **ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = {
            name: measure(Path(folder), given.megabytes, given.rounds, every)
            for name, every in {"full": 1, "half": 2, "tenth": 10}.items()
        }
    for name, each in found.items():
        print(f"{name:<6}", "  ".join(f"{key} {value:.2f}" for key, value in each.items()))
    RESULTS.parent.mkdir(exist_ok=True)
    report = {"load_1m": os.getloadavg()[0], "rounds": given.rounds, **found}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
