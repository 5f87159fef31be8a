"""`hdu survey`: is this home fit for dispatching? Exit 0 fit (conditions included), 1 not, 2 for a wrong call.

A soak of 5 minutes to 72 hours: every uplink, power, clock and room, judged line by line. It is kept in a file as it is
measured; Ctrl-C stops it, and the same command goes on where it was.
"""

import argparse
import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from firmware import bus
from firmware.configfile import load
from hdu import unit
from hdu.arguments import Arguments
from hdu.failure import Failure
from hdu.survey import record, report, show
from hdu.survey.sampling import Begin, Resume, every_s
from hdu.survey.soak import Soak, Told
from hdu.survey.verdicts import judge

SHORTEST_S, LONGEST_S, DEFAULT_S = 300.0, 259_200.0, 86_400.0


def asked(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; `length_s` is None where none was given."""
    parser = Arguments(prog="hdu survey", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, help="how long to measure, up to 72 (default 24)")
    length.add_argument("--minutes", type=float, help="the same in minutes, from 5")
    length.add_argument("--seconds", type=float, help="the same in seconds, as short as you like: to try it out")
    parser.add_argument("--file", type=Path, help="where it is kept (default survey-UNIT.jsonl)")
    parser.add_argument("--report", type=Path, help="the page to write (.html); the same as .json beside it")
    parser.add_argument("--as-is", action="store_true", help="measure nothing: judge what is in the file")
    given = parser.parse_args(arguments)
    given.length_s = seconds(given)
    if given.report and given.report.suffix != ".html":
        parser.error(f"--report {given.report}: give a name that ends in .html")
    return given


def seconds(given: argparse.Namespace) -> float | None:
    """Failure where the length asked for is out of bounds."""
    found = given.seconds or (given.minutes and given.minutes * 60) or (given.hours and given.hours * 3600) or None
    least = 1.0 if given.seconds is not None else SHORTEST_S
    wrong = any(each is not None for each in (given.seconds, given.minutes, given.hours)) and not found
    if wrong or (found is not None and not least <= found <= LONGEST_S):
        raise Failure("hdu survey: a survey takes 5 minutes to 72 hours; choose --minutes or --hours within that", 2)
    return None if found is None else float(found)


def begin(file: Path, length_s: float) -> record.Recording:
    """A new file with its first line; Failure where it cannot be written."""
    status = unit.status()
    first = Begin(status.unit, status.version, time.time(), length_s, every_s(length_s))
    try:
        writer = record.Writer(file)
    except OSError as error:
        raise Failure(f"hdu survey: {file}: {error.strerror}; choose another --file", 2) from error
    writer.add(first)
    writer.close()
    return record.read(file)


def opened(file: Path, given: argparse.Namespace) -> record.Recording:
    """The survey to go on with, or a new one; Failure where another length is asked for than that of the file."""
    if not file.exists():
        if given.as_is:
            raise Failure(f"hdu survey: there is no {file}; measure first", 2)
        return begin(file, given.length_s or DEFAULT_S)
    found = record.read(file)
    if given.length_s not in (None, found.begin.length_s):
        words = f"holds a survey of {found.begin.length_s:g} s; choose another --file, or leave the length out"
        raise Failure(f"hdu survey: {file} {words}", 2)
    return found


async def measured(found: record.Recording, file: Path, told: Told) -> None:
    """Measures what is left; SIGINT and SIGTERM end it early, and nothing of it is lost."""
    writer = record.Writer(file, found.whole_bytes)
    try:
        if found.samples:
            writer.add(Resume(time.time()))
        soak = asyncio.ensure_future(Soak(bus.connect(), writer, found.begin.every_s, told).measure(found.left_s))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, soak.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await soak
    finally:
        writer.close()


def main(arguments: Sequence[str]) -> int:
    given, console = asked(arguments), Console(highlight=False)
    file = given.file or Path(f"survey-{load()[0].unit.name}.jsonl")
    found = opened(file, given)
    if found.left_s > 1e-3 and not given.as_is:
        with show.progress(console, found.measured_s, found.begin.length_s) as told:
            try:
                asyncio.run(measured(found, file, told))
            except bus.BusError as error:
                raise Failure(f"hdu survey: {error}; on the bench, first: . .run/PORT/environment") from error
        found = record.read(file)
    return told_of(found, file, given.report, console)


def told_of(found: record.Recording, file: Path, to: Path | None, console: Console) -> int:
    site = load()[0].site
    verdict = judge(found, site)
    show.verdict(verdict, console)
    if found.left_s > 1e-3:
        console.print(f"[yellow]{found.left_s:.0f} s are left to measure[/]: give the same command again to go on.")
    console.print(f"[dim]kept in {file}[/]")
    if to is not None:
        to.write_text(report.page(found, verdict, site))
        to.with_suffix(".json").write_bytes(report.document(found, verdict))
        console.print(f"[dim]{to} and {to.with_suffix('.json').name} are written[/]")
    return 0 if verdict.whole in ("fit", "fit with conditions") else 1
