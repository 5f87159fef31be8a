"""The durable spool: one file an alert, and the only thing between the panel and the alerts service.

`ID.alert` is written once by the panel; the alerts service adds the marks `ID.delivered` (the hub has it) and
`ID.acknowledged` (a person answered). Every file goes to a temporary name, fsync, rename, fsync of the folder, so after
a power cut it is there whole or not at all. A torn or foreign file is moved to `aside/`. `.reserve` keeps room, so that
the next panics fit on a full disk.
"""

import errno
import logging
import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from firmware.facts import Acknowledgement, Alert

Mark = Literal["delivered", "acknowledged"]
F = TypeVar("F", bound=msgspec.Struct)
ALERT, DELIVERED, ACKNOWLEDGED = ".alert", ".delivered", ".acknowledged"
STEP_BYTES = 16 << 10
KNOWN = {ALERT, DELIVERED, ACKNOWLEDGED}
log = logging.getLogger("spool")


class SpoolError(Exception):
    """The alert could not be put on disk; the message says why and where."""


class SpoolFull(SpoolError):
    """Not even the reserve makes room: raise the alarm, free the disk."""


class Entry(msgspec.Struct, frozen=True):
    """One alert and what became of it; `by` is who acknowledged it."""

    alert: Alert
    delivered: bool = False
    acknowledged: Acknowledgement | None = None


class Spool:
    """The folder; safe for one writer of alerts and one writer of marks, in processes of their own."""

    def __init__(self, folder: Path, reserve_bytes: int = 1 << 20) -> None:
        self.folder, self.reserve_bytes = folder, reserve_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self.reserve = folder / ".reserve"

    def put(self, alert: Alert) -> None:
        """On disk when this returns. SpoolFull when there is no room at all, SpoolError on any other failure."""
        self._write_with_reserve(f"{alert.id}{ALERT}", msgspec.json.encode(alert))

    def mark(self, id: str, mark: Mark, content: msgspec.Struct | None = None) -> None:
        """Records what became of alert `id`, on disk when this returns; the same errors as `put`."""
        self._write_with_reserve(f"{id}.{mark}", msgspec.json.encode(content) if content else b"{}")

    def keep_reserve(self) -> bool:
        """Makes the reserve whole again; False while the disk has no room for it: that is the full-disk alarm.

        What is left of a reserve is never given up for a new one.
        """
        try:
            if not self.reserve.exists() or self.reserve.stat().st_size < self.reserve_bytes:
                self._reserve()
        except OSError as error:
            log.error("no room for the reserve in %s: %s; free the disk", self.folder, error.strerror)
            return False
        return True

    def entries(self) -> list[Entry]:
        """Every whole alert with its marks, oldest first; what is torn or foreign is moved aside."""
        names = sorted(path.name for path in self.folder.iterdir() if path.is_file() and not path.name.startswith("."))
        for name in names:
            if Path(name).suffix not in KNOWN:
                self._aside(name, "not a file of the spool")
        found = (self.entry(name.removesuffix(ALERT)) for name in names if name.endswith(ALERT))
        return [entry for entry in found if entry is not None]

    def entry(self, id: str) -> Entry | None:
        """One alert with its marks; None where it is not (or no longer) in the spool, or is torn."""
        alert = self._read(id + ALERT, Alert)
        if alert is None:
            return None
        if alert.id != id:
            self._aside(id + ALERT, f"holds the alert {alert.id}")
            return None
        answer = self._read(id + ACKNOWLEDGED, Acknowledgement)
        return Entry(alert, (self.folder / f"{id}{DELIVERED}").exists(), answer if answer and answer.id == id else None)

    def close(self, id: str, keep: int) -> None:
        """Moves an answered alert to `done/`, where the newest `keep` stay to be read."""
        done = self.folder / "done"
        done.mkdir(exist_ok=True)
        for suffix in (DELIVERED, ACKNOWLEDGED, ALERT):
            if (self.folder / f"{id}{suffix}").exists():
                (self.folder / f"{id}{suffix}").rename(done / f"{id}{suffix}")
        for old in sorted(path.stem for path in done.glob(f"*{ALERT}"))[:-keep]:
            for suffix in KNOWN:
                (done / f"{old}{suffix}").unlink(missing_ok=True)

    def _read(self, name: str, kind: type[F]) -> F | None:
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._aside(name, str(error))
            return None

    def _aside(self, name: str, why: str) -> None:
        log.error("moved %s aside: %s", self.folder / name, why)
        (self.folder / "aside").mkdir(exist_ok=True)
        try:
            (self.folder / name).rename(self.folder / "aside" / name)
        except FileNotFoundError:
            log.info("%s was already gone", name)

    def _write_with_reserve(self, name: str, content: bytes) -> None:
        try:
            self._write(name, content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise SpoolError(f"spool: cannot write {self.folder / name}: {error.strerror}") from error
            self._write_from_reserve(name, content)

    def _write_from_reserve(self, name: str, content: bytes) -> None:
        log.error("disk full: %s goes into the reserve; free the disk", name)
        self._give_room()
        try:
            self._write(name, content)
        except OSError as error:
            raise SpoolFull(
                f"spool: {self.folder} is full, the reserve too: {error.strerror}; free the disk"
            ) from error

    def _give_room(self) -> None:
        """Shortens the reserve by STEP_BYTES: enough for an alert, and the rest stays for the next ones."""
        if self.reserve.exists():
            os.truncate(self.reserve, max(0, self.reserve.stat().st_size - STEP_BYTES))

    def _reserve(self) -> None:
        with self.reserve.open("ab") as out:
            os.posix_fallocate(out.fileno(), 0, self.reserve_bytes)
            os.fsync(out.fileno())

    def _write(self, name: str, content: bytes) -> None:
        temporary = self.folder / f".{name}.new"
        with temporary.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(self.folder / name)
        sync(self.folder)


def sync(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
