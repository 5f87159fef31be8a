"""`make test-image`: builds, boots, updates and breaks the image in QEMU; what passed before is not run again.

python -m tests.lab [--again] [--minutes 60] [--env board.yaml] [FILE ...]

Each file of tests is kept by what it, the image and the twins are made of. The files that tell most in a few minutes
come first; what would not end within the minutes is not begun, and named. labgrid drives it; `--env` names a bench of
yours (board.yaml.example), of which nothing is kept: which image is on that card is not known here.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from image import build
from image.places import CHECKOUT, cache, content, key

HERE = Path(__file__).parent
FIRST = {"test_boot_choice.py": 6, "test_image.py": 12, "test_panic.py": 6, "test_refused.py": 8, "test_headset.py": 4}
"""Minutes of each by the clock of two busy cores, once the image is built."""
LONGEST = 45
"""Minutes of any other (test_release.py)."""


def files() -> list[Path]:
    """All of them, those of FIRST at the front."""
    first = [HERE / name for name in FIRST]
    return first + sorted(set(HERE.glob("test_*.py")) - set(first))


def fits(file: Path, ends: float) -> bool:
    """Whether it passed before, or would have ended by then."""
    return stamp(file).exists() or time.monotonic() + 60 * FIRST.get(file.name, LONGEST) <= ends


def stamp(file: Path) -> Path:
    """Where it is kept that this file passed for this image."""
    shared = [each for each in HERE.iterdir() if each.is_file() and not each.name.startswith("test_")]
    around = (CHECKOUT / "hw", CHECKOUT / "hub" / "updates")
    lock = (CHECKOUT / "requirements.lock").read_bytes()
    return cache() / "passed" / key(content(*build.MADE_OF, *around, *sorted(shared), file), lock, file.name)


def run(file: Path, again: bool) -> int:
    """0 where it passed, now or before."""
    kept = stamp(file)
    if kept.exists() and not again:
        print(f"{file.name}: passed on this machine for the very same, {kept.read_text()}", flush=True)
        return 0
    began = time.monotonic()
    status = int(pytest.main(["-s", "--durations=0", "-p", "no:cacheprovider", str(file)]))
    if status == 0 and "LG_ENV" not in os.environ:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{time.strftime('%F %T')}, in {time.monotonic() - began:.0f} s")
    return status


def main(words: Sequence[str]) -> int:
    """0 where everything that was run passed."""
    parser = argparse.ArgumentParser(prog="test-image")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--env", type=Path)
    parser.add_argument("files", nargs="*", type=Path, default=files())
    given = parser.parse_args(words)
    os.environ |= {"HDU_LAB": "1"} | ({"LG_ENV": str(given.env)} if given.env else {})
    ends = time.monotonic() + 60 * given.minutes
    late: list[str] = []
    failed: list[str] = []
    for file in given.files:
        if not fits(file, ends):
            late.append(file.name)
        elif run(file, given.again or "LG_ENV" in os.environ):
            failed.append(file.name)
    if late:
        print(f"not run, not to be done within {given.minutes:g} minutes: {', '.join(late)}; make test-image runs them")
    print(f"the image in QEMU: {'failed: ' + ', '.join(failed) if failed else 'what was run passed'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
