"""Writes the chain: append, fsync by policy, rotate, and begin again after any death.

An event is handed to the kernel at once (`write`), so a killed process loses nothing that was recorded. It reaches the
disk with the next `sync`: at once for what must survive a power cut, within seconds for the rest, which spares the
flash. A power cut leaves a prefix of the lines and perhaps one torn line: that is cut off at the next start and told as
an event of its own, and the chain goes on. A line that was changed is never touched, so that `verify` can point at it.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware.record.chain import SUFFIX, Event, Last, line, parse, segments

SEGMENT_EVENTS = 10_000
CUT = "recorder.cut"


class Chain:
    """The chain in `folder`; one process writes it. OSError where the disk refuses: nothing is then half counted."""

    def __init__(self, folder: Path, keep_events: int, at: str, segment_events: int = SEGMENT_EVENTS) -> None:
        self.folder, self.keep_events, self.segment_events = folder, keep_events, segment_events
        folder.mkdir(parents=True, exist_ok=True)
        self.unsynced = False
        self.last, self.in_segment, cut = self._recover()
        self._open()
        if cut:
            self.append(at, CUT, msgspec.json.encode({"bytes": cut}))

    def append(self, at: str, kind: str, facts: bytes) -> Event:
        """One event more. `facts` is JSON."""
        if self.in_segment >= self.segment_events:
            self._rotate()
        raw, event = line(self.last, at, kind, facts)
        self._write(raw)
        self.last, self.in_segment, self.unsynced = Last(seq=event.seq, hash=event.hash), self.in_segment + 1, True
        return event

    def sync(self) -> None:
        """Everything appended so far survives a power cut."""
        if self.unsynced:
            os.fdatasync(self._handle)
            self.unsynced = False

    def syncing(self) -> Callable[[], None]:
        """What `sync` does, for a thread: it holds the file by a handle of its own, whatever is rotated meanwhile."""
        self.unsynced, handle = False, os.dup(self._handle)

        def run() -> None:
            try:
                os.fdatasync(handle)
            finally:
                os.close(handle)

        return run

    def close(self) -> None:
        self.sync()
        os.close(self._handle)

    def _write(self, raw: bytes) -> None:
        """All of it or, on a full disk, none."""
        before = os.fstat(self._handle).st_size
        try:
            if os.write(self._handle, raw) != len(raw):
                raise OSError(errno.ENOSPC, "no space for a whole line")
        except OSError:
            os.ftruncate(self._handle, before)
            raise

    def _recover(self) -> tuple[Last, int, int]:
        """Where the chain ends, how many lines the newest segment has, and how many torn bytes were cut off."""
        newest, count, cut, last = None, 0, 0, None
        for file in reversed(segments(self.folder)):
            last, whole_lines, whole_bytes = _tail(file)
            cut += file.stat().st_size - whole_bytes
            os.truncate(file, whole_bytes)
            if newest is None and whole_lines:
                newest, count = file, whole_lines
            elif not whole_lines:
                file.unlink()
            if last is not None:
                break
        self.file = newest or self._named(1)
        return last or Last(), count, cut

    def _named(self, seq: int) -> Path:
        return self.folder / f"{seq:012d}{SUFFIX}"

    def _open(self) -> None:
        self._handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._sync_folder()

    def _rotate(self) -> None:
        """A new segment; the oldest goes when those that stay hold `keep_events` without it."""
        self.sync()
        os.close(self._handle)
        self.file, self.in_segment = self._named(self.last.seq + 1), 0
        self._open()
        starts = segments(self.folder)
        while len(starts) > 1 and self.last.seq - int(starts[1].stem) + 1 >= self.keep_events:
            starts.pop(0).unlink()
        self._sync_folder()

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _tail(file: Path) -> tuple[Last | None, int, int]:
    """The last whole line of a segment, the number of lines and of bytes up to its end.

    Only a torn end is cut. A line that was changed stays where it is, for `verify` to point at.
    """
    last, count, size = None, 0, 0
    with file.open("rb") as stream:
        for raw in stream:
            if not raw.endswith(b"\n"):
                break
            found = parse(raw)
            count, size = count + 1, size + len(raw)
            if isinstance(found, Event):
                last = Last(seq=found.seq, hash=found.hash)
    return last, count, size
