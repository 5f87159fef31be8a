"""The durable spool: one file an alert, and the only thing between the panel and the alerts service.

`ID.alert` is written once by the panel; the alerts service adds the marks `ID.delivered` (the hub has it) and
`ID.acknowledged` (a person answered). Every file goes to a temporary name, fsync, rename, fsync of the folder, so after
a power cut it is there whole or not at all. What decays later is moved to `aside/`, as are foreign files; but the name
of a damaged alert still tells which and when, and nobody knows that it was no panic: it goes on as one. `.reserve`
keeps room, so that the next panics fit on a full disk.
"""

import errno
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from ulid import ULID

from firmware import kept
from firmware.clock import rfc3339
from firmware.facts import Acknowledgement, Alert

Mark = Literal["delivered", "acknowledged"]
F = TypeVar("F", bound=msgspec.Struct)
ALERT, DELIVERED, ACKNOWLEDGED = ".alert", ".delivered", ".acknowledged"
STEP_BYTES = 16 << 10
ULID_TEXT = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
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
        self._write_with_reserve(f"{alert.id}{ALERT}", kept.seal(alert))

    def mark(self, id: str, mark: Mark, content: msgspec.Struct | None = None) -> None:
        """Records what became of alert `id`, on disk when this returns; the same errors as `put`."""
        self._write_with_reserve(f"{id}.{mark}", kept.seal(content) if content else b"{}")

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
        alert = self._alert(id)
        if alert is None:
            return None
        answer = self._read(id + ACKNOWLEDGED, Acknowledgement)
        return Entry(alert, (self.folder / f"{id}{DELIVERED}").exists(), answer if answer and answer.id == id else None)

    def closed(self, id: str) -> bool:
        """Whether alert `id` was answered and moved to `done/` (and is still kept there)."""
        return ULID_TEXT.fullmatch(id) is not None and (self.folder / "done" / f"{id}{ALERT}").exists()

    def close(self, id: str, keep: int) -> None:
        """Moves an answered alert to `done/`, where the newest `keep` stay to be read."""
        done = self.folder / "done"
        done.mkdir(exist_ok=True)
        for suffix in (DELIVERED, ACKNOWLEDGED, ALERT):
            if (self.folder / f"{id}{suffix}").exists():
                kept.move_out(self.folder / f"{id}{suffix}", done)
        for old in sorted(path.stem for path in done.glob(f"*{ALERT}"))[:-keep]:
            for suffix in KNOWN:
                (done / f"{old}{suffix}").unlink(missing_ok=True)

    def _alert(self, id: str) -> Alert | None:
        try:
            return whole(id, (self.folder / f"{id}{ALERT}").read_bytes())
        except FileNotFoundError:
            return None
        except kept.Damaged as error:
            return self._rescued(id, error)

    def _rescued(self, id: str, error: kept.Damaged) -> Alert | None:
        """The panic that a damaged alert may have been, in its place; None where its name is no alert's."""
        alert = panic_of(id)
        self._aside(id + ALERT, f"{error}; {'it goes on as a panic' if alert else 'not an alert of ours'}", keep=alert)
        if alert:
            self.put(alert)
        return alert

    def _read(self, name: str, kind: type[F]) -> F | None:
        try:
            return kept.read(self.folder / name, kind)
        except kept.Damaged as error:
            self._aside(name, str(error))
            return None

    def _aside(self, name: str, why: str, keep: object = None) -> None:
        """Moved to `aside/`; only copied there where its place is to be taken by what makes it good (`keep`).

        One that cannot be moved (another user's: fs.protected_hardlinks; a full disk) is told and stays: no file keeps
        anybody from the others.
        """
        log.error("moved %s aside: %s", self.folder / name, why)
        try:
            (self.folder / "aside").mkdir(exist_ok=True)
            if keep:
                shutil.copyfile(self.folder / name, self.folder / "aside" / name)
            else:
                kept.move_out(self.folder / name, self.folder / "aside")
        except FileNotFoundError:
            log.info("%s was already gone", name)
        except OSError as error:
            log.error("%s cannot be moved aside: %s; remove it by hand", self.folder / name, error.strerror)

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
        kept.replace(self.folder / name, content, durable=True)


def whole(id: str, content: bytes) -> Alert:
    """The alert `id` in the content of its file; Damaged where it is not whole, or another's."""
    alert = kept.opened(content, Alert)
    if alert.id != id:
        raise kept.Damaged(f"holds the alert {alert.id}")
    return alert


def panic_of(id: str) -> Alert | None:
    """The panic that the name of an alert still tells of (the unit's is set when it is sent); None: not a ULID."""
    if not ULID_TEXT.fullmatch(id):
        return None
    return Alert(id=id, unit="", kind="panic", raised_at=rfc3339(ULID.from_str(id).timestamp))
