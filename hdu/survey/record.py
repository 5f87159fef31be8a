"""The file of a survey: one JSON object a line, each on disk before the next; a torn last line is left out."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from hdu.failure import Failure
from hdu.survey.sampling import Begin, Entry, Event, Resume, Sample


class Recording(Struct, frozen=True):
    """A survey as far as it has come; `whole_bytes` is where the next line goes."""

    begin: Begin
    entries: tuple[Entry, ...]
    whole_bytes: int

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(each for each in self.entries if isinstance(each, Sample))

    @property
    def measured_s(self) -> float:
        """What was really measured, without what lies before each Resume."""
        return sum(each.covers_s for each in self.samples)

    @property
    def left_s(self) -> float:
        return max(0.0, self.begin.length_s - self.measured_s)


class Span(Struct, frozen=True):
    """`what` was `state` from `began` for `length_s`; not `ended` when that was still so in the last line."""

    what: str
    state: str
    began: float
    length_s: float
    ended: bool


def read(file: Path) -> Recording:
    """Failure, naming the line, where the file is not a survey's; a torn last line is no failure."""
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    entries = tuple(_entry(file, number, line) for number, line in enumerate(whole.splitlines(), 1))
    if not entries or not isinstance(entries[0], Begin):
        raise Failure(f"hdu survey: {file} is no survey; choose another --file", 2)
    return Recording(entries[0], entries, len(whole))


def _entry(file: Path, number: int, line: bytes) -> Entry:
    try:
        entry: Entry = msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(f"hdu survey: {file} line {number}: {error}; this survey cannot be used") from error
    return entry


class Writer:
    """Adds lines to a survey; each is on disk when `add` returns."""

    def __init__(self, file: Path, whole_bytes: int = 0) -> None:
        self.out = file.open("r+b" if whole_bytes else "xb")
        self.out.truncate(whole_bytes)
        self.out.seek(whole_bytes)

    def add(self, *entries: Entry) -> None:
        self.out.write(b"".join(msgspec.json.encode(each) + b"\n" for each in entries))
        self.out.flush()
        os.fsync(self.out.fileno())

    def close(self) -> None:
        self.out.close()


def spans(entries: tuple[Entry, ...]) -> Iterator[Span]:
    """What was what, and for how long. A span ends where nobody looked any more (before a Resume, at the end)."""
    states: dict[str, tuple[str, float]] = {}
    last = 0.0
    for entry in entries:
        if isinstance(entry, Resume):
            yield from (Span(what, state, at, last - at, False) for what, (state, at) in states.items())
            states.clear()
        elif isinstance(entry, Event):
            if entry.what in states:
                state, at = states[entry.what]
                yield Span(entry.what, state, at, max(0.0, entry.at - at), True)
            states[entry.what] = (entry.now, entry.at)
        last = max(last, entry.at)
    yield from (Span(what, state, at, max(0.0, last - at), False) for what, (state, at) in states.items())


def share(of: list[Span], good: str) -> float | None:
    """The fraction of the known time in which it was `good`; None where nothing is known."""
    known = sum(each.length_s for each in of if each.state != "unknown")
    return sum(each.length_s for each in of if each.state == good) / known if known > 0 else None
