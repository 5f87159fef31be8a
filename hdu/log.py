"""`hdu log`: reads the flight recorder, filters it, and verifies that nothing was changed or taken away.

Exit 0 when the chain is whole, 1 with every break at its file and line. What a power cut tore is told, too.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from firmware.configfile import load
from firmware.record import chain
from hdu.arguments import Arguments
from hdu.failure import Failure


def shown(event: chain.Event) -> str:
    return f"{event.seq:>8}  {event.at}  {event.kind:<12} {bytes(event.facts).decode()}"


def told(fault: chain.Fault) -> str:
    return f"{fault.file}, line {fault.line}: {fault.why}"


def arguments_of(given: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="hdu log", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["read", "verify"], default="read")
    parser.add_argument("--folder", type=Path, help="where the events are; default: the unit's own")
    parser.add_argument("--kind", action="append", default=[], help="only events of this kind; may be given again")
    parser.add_argument("--since", default="", help="only from this time on (RFC 3339, UTC: 2026-11-22T10:00:00Z)")
    parser.add_argument("--until", default="", help="only before this time")
    parser.add_argument("--last", type=int, default=0, metavar="N", help="only the newest N of them")
    parser.add_argument("--hash", default="", help="verify: the chain must hold the event with this hash")
    parser.add_argument("--json", action="store_true", help="the lines as they are on disk")
    return parser.parse_args(given)


def read(folder: Path, given: argparse.Namespace) -> int:
    faults: list[chain.Fault] = []
    events = list(chain.filtered(chain.read(folder, faults.append), frozenset(given.kind), given.since, given.until))
    for event in events[-given.last :] if given.last > 0 else events:
        sys.stdout.write(chain.encoded(event).decode() if given.json else shown(event) + "\n")
    return _end(faults)


def verify(folder: Path, given: argparse.Namespace, keep_events: int) -> int:
    verdict = chain.verify(folder, keep_events)
    if not verdict.whole:
        return _end(verdict.faults)
    if given.hash and not any(event.hash == given.hash for event in chain.read(folder)):
        raise Failure(
            f"{folder}: no event has the hash {given.hash}: the chain is not the one that hash was taken from"
        )
    reach = f"from {verdict.first} to {verdict.last}" if verdict.events else "none yet"
    print(f"{folder}: whole: {verdict.events} events, {reach}, newest hash {verdict.hash}")
    return 0


def _end(faults: Sequence[chain.Fault]) -> int:
    for fault in faults:
        print(told(fault), file=sys.stderr)
    return 1 if faults else 0


def main(arguments: Sequence[str]) -> int:
    given = arguments_of(arguments)
    config, _ = load()
    folder = given.folder or Path(config.unit.folders.data) / "events"
    if not folder.is_dir():
        raise Failure(f"{folder}: no events here; is this the unit, and is its recorder running?")
    if given.action == "verify":
        return verify(folder, given, config.site.recorder.keep_events if given.folder is None else 0)
    return read(folder, given)
