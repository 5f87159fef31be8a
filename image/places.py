"""Where the image's own files are, where what is fetched and built is kept, and how a build stops with words."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE = Path(__file__).parent
CHECKOUT = IMAGE.parent
SUITE = "trixie"
EPOCH = 1_767_225_600  # 2026-01-01: the time of every file, so that a release differs from the last in content alone


class BuildError(Exception):
    """The image cannot be made here; the message says why and what to do, in one line."""


def cache() -> Path:
    """Kept between builds, outside the checkout (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hdu" / "image"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Whoever else makes the same folder, in another process, waits meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def names(file: str) -> list[str]:
    """The lines of a list in `packages/`, without comments."""
    lines = (IMAGE / "packages" / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def key(*parts: str | bytes) -> str:
    """A short name for what is made of exactly these."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def content(*roots: Path) -> str:
    """A key of all files below `roots` (names, modes and bytes), whatever their times."""
    parts: list[str | bytes] = []
    for root in roots:
        for file in [root] if root.is_file() else sorted(root.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                parts += [str(file.relative_to(root)), oct(file.stat().st_mode & 0o111), file.read_bytes()]
    return key(*parts)
