"""Where a unit's identity lies: whole or not there, whenever the power goes.

    BASE/current -> 2     what the services read (HDU_CONFIG, or /etc/hdu links here)
    BASE/1/  BASE/2/      identities as they were provisioned; the one before current stays, to be gone back to
    BASE/pending/         what was asked and the keys, from the request until the grant

A folder is written beside under a name that begins with a dot, synced, and renamed; `current` is a link that a rename
replaces. So each step is done or was not begun, and `tidy` at the next start takes away what no rename reached.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

SECRET, SERVICES, PUBLIC = 0o600, 0o640, 0o644
"""Root's alone; also the services', by BASE's group (set-group-ID on a unit); everyone's who reaches BASE."""


class File(Struct, frozen=True):
    """What is to be written; `mode` as chmod(2)."""

    content: bytes
    mode: int = PUBLIC


Files = Mapping[str, File]


class Store:
    """The folder BASE, used by one at a time."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.current, self.pending = base / "current", base / "pending"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile; begins with what a power cut left behind. BlockingIOError."""
        self.base.mkdir(parents=True, exist_ok=True)
        with (self.base / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.tidy()
            yield

    def number(self) -> int:
        """The identity in force; 0 for none."""
        try:
            return int(self.current.readlink().name)
        except (OSError, ValueError):
            return 0

    def before(self) -> int:
        """The identity to go back to; 0 for none."""
        return max((number for number in self._all() if number < self.number()), default=0)

    def folder(self) -> Path | None:
        """The folder of the identity in force; None for a blank unit."""
        return self.base / str(self.number()) if self.number() else None

    def keep_pending(self, files: Files) -> None:
        """Replaces what is pending."""
        old = self.base / ".pending.old"
        self._write(self.base / ".pending.new", files)
        if self.pending.exists():
            self.pending.rename(old)
        (self.base / ".pending.new").rename(self.pending)
        sync(self.base)
        shutil.rmtree(old, ignore_errors=True)

    def commit(self, files: Files) -> Path:
        """`files` as the identity in force; the last step is one rename, and what was pending is then done with."""
        number = max(self._all(), default=0) + 1
        self._write(self.base / ".identity.new", files)
        (self.base / ".identity.new").rename(self.base / str(number))
        sync(self.base)
        self._point(number)
        self.tidy()
        self._forget(self.pending)
        return self.base / str(number)

    def undo(self) -> int:
        """Back to the identity before, or to a blank unit; what was in force is destroyed. Returns what is in force."""
        number = self.before()
        if number:
            self._point(number)
        else:
            self.current.unlink(missing_ok=True)
            sync(self.base)
            self._forget(self.pending)
        self.tidy()
        return number

    def tidy(self) -> None:
        """Takes away what no rename reached, and identities that are neither in force nor the one before."""
        if (self.base / ".pending.old").exists() and not self.pending.exists():
            (self.base / ".pending.old").rename(self.pending)  # the power went between two renames: nothing is lost
        for at in self.base.glob(".*"):
            if at.name != ".lock":
                self._forget(at)
        for number in self._all() - {self.number(), self.before()}:
            self._forget(self.base / str(number))

    def _all(self) -> set[int]:
        return {int(at.name) for at in self.base.iterdir() if at.name.isdecimal() and at.is_dir()}

    def _point(self, number: int) -> None:
        new = self.base / ".current.new"
        new.unlink(missing_ok=True)
        new.symlink_to(str(number))
        new.rename(self.current)
        sync(self.base)

    def _write(self, folder: Path, files: Files) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        for name, file in files.items():
            at = folder / name
            at.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode), "wb") as out:
                out.write(file.content)
                out.flush()
                os.fsync(out.fileno())
        for each in {folder, *((folder / name).parent for name in files)}:
            sync(each)

    def _forget(self, at: Path) -> None:
        """In one step for whoever looks at the name: a folder is renamed first."""
        if at.is_dir() and not at.is_symlink():
            gone = at if at.name.startswith(".") else at.rename(self.base / f".{at.name}.gone")
            shutil.rmtree(gone)
        else:
            at.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Makes renames in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
