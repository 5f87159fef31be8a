"""The flight recorder's format: one line of JSON an event, each bound to the one before by SHA-256. Reads and verifies.

    {"seq":7,"at":"2026-11-22T10:00:00.123Z","kind":"Power","facts":{...},"prev":"<hash of line 6>","hash":"<its own>"}

`hash` is the SHA-256 (FIPS 180-4) of the line up to `,"hash":`, so a changed byte, a missing, added or moved line
breaks the chain at that very line. That nothing was changed *and hashed anew* is proven by a later hash known
elsewhere: the hub keeps them. Segments are files of such lines; the first of one points at the last of the one before.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

START = "0" * 64
MARK = b',"hash":"'
TAIL = len(MARK) + 64 + len(b'"}\n')
SUFFIX = ".events"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line, as it was written."""

    seq: int
    at: str
    kind: str
    facts: msgspec.Raw
    prev: str
    hash: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the chain, and at which line of which file (the first is 1)."""

    file: str
    line: int
    why: str
    torn: bool = False


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain ends: the next line has `seq` + 1 and points at `hash`."""

    seq: int = 0
    hash: str = START


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    at: str
    kind: str
    facts: msgspec.Raw
    prev: str


def line(last: Last, at: str, kind: str, facts: bytes) -> tuple[bytes, Event]:
    """The next line of a chain that ends at `last`, and the event in it. `facts` is JSON, checked by the caller."""
    new = _Body(seq=last.seq + 1, at=at, kind=kind, facts=msgspec.Raw(facts), prev=last.hash)
    start = msgspec.json.encode(new)[:-1]
    digest = hashlib.sha256(start).hexdigest()
    event = Event(seq=new.seq, at=at, kind=kind, facts=new.facts, prev=new.prev, hash=digest)
    return start + MARK + digest.encode() + b'"}\n', event


def encoded(event: Event) -> bytes:
    """The line that the event was read from."""
    return msgspec.json.encode(event) + b"\n"


def parse(raw: bytes) -> Event | str:
    """One line with its own hash checked, or why it is none."""
    if not raw.endswith(b"\n"):
        return "the line is torn"
    if raw[-TAIL:] != MARK + hashlib.sha256(raw[:-TAIL]).hexdigest().encode() + b'"}\n':
        return "the line was changed: its hash is not its own"
    try:
        return msgspec.json.decode(raw, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"the line is no event: {error}"


def segments(folder: Path) -> list[Path]:
    """The files of the chain, oldest first; their names are the number of their first line."""
    found = [each for each in folder.glob(f"*{SUFFIX}") if each.stem.isdigit()]
    return sorted(found, key=lambda each: int(each.stem))


def lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream


def read(folder: Path, fault: Callable[[Fault], None] = lambda _: None, after: int = 0) -> Iterator[Event]:
    """Every event that the chain vouches for, oldest first; `fault` is called for each break, and reading goes on.

    With `after` only those past that number, and the segments before them are not even opened.
    """
    last: Last | None = None
    for file in _reaching(segments(folder), after):
        for number, raw in enumerate(lines(file), 1):
            found = parse(raw)
            if isinstance(found, str):
                fault(Fault(file=file.name, line=number, why=found, torn=not raw.endswith(b"\n")))
                continue
            if why := _unlinked(last, found):
                fault(Fault(file=file.name, line=number, why=why))
            last = Last(seq=found.seq, hash=found.hash)
            if found.seq > after:
                yield found


def _reaching(files: list[Path], after: int) -> list[Path]:
    """Those files that may hold a line past number `after`."""
    next_starts = [*(int(each.stem) for each in files[1:]), after + 2]
    return [file for file, start in zip(files, next_starts, strict=False) if start > after + 1]


def _unlinked(last: Last | None, event: Event) -> str:
    """Why the event does not follow `last`; the oldest line kept may follow one that was rotated away."""
    if last is None or (event.seq == last.seq + 1 and event.prev == last.hash):
        return ""
    if event.seq != last.seq + 1:
        return f"number {event.seq} follows {last.seq}: lines are missing, added or moved"
    return "the line does not point at the one before it"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`whole`: not one line of the chain is wrong. `first` and `last` are the numbers it reaches from and to."""

    events: int = 0
    first: int | None = None
    last: int | None = None
    hash: str = START
    faults: tuple[Fault, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.faults


def verify(folder: Path, keep_events: int = 0) -> Verdict:
    """Reads it all. A torn last line is a fault of its own kind: what a power cut leaves, and no more.

    A chain that begins late must hold `keep_events`: else the oldest lines were not rotated but taken away.
    """
    faults: list[Fault] = []
    count, first, last = 0, None, Last()
    for event in read(folder, faults.append):
        count, first = count + 1, event.seq if first is None else first
        last = Last(seq=event.seq, hash=event.hash)
    if first is not None and first > 1 and count < keep_events:
        where = segments(folder)[0].name
        faults.append(Fault(file=where, line=1, why=f"lines before number {first} were taken away"))
    return Verdict(events=count, first=first, last=last.seq if count else None, hash=last.hash, faults=tuple(faults))


def filtered(
    events: Iterable[Event], kinds: frozenset[str] = frozenset(), since: str = "", until: str = "", after: int = 0
) -> Iterator[Event]:
    """Those of the kinds (all where empty), from `since` and before `until` (RFC 3339, UTC), past number `after`."""
    for event in events:
        timely = event.at >= since and (not until or event.at < until)
        if timely and event.seq > after and (not kinds or event.kind in kinds):
            yield event
