"""`hdu selftest --acceptance`: follows the walk that the unit makes (`firmware.acceptance`), and fetches its report.

With a name it begins one, or follows the one that runs; without, it takes up the one that runs, or hands out the report
of the last. Whoever stops looking stops nothing. Exit 0 accepted, 1 not.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from firmware import bus
from firmware.acceptance.order import Order, order
from firmware.acceptance.report import Acceptance, ReportRefused, Signed, sound, verify
from firmware.configfile import load
from hdu.acceptance.viewing import seen_through, stopped
from hdu.failure import Failure

STDOUT = "-"


def main(technician: str, panel: str, to: str, patience_s: float) -> int:
    """`to` is the folder for both files, or `-`: the signed report on standard output, and all words beside it."""
    given = _order(technician, panel, patience_s) if technician or panel else None
    if to != STDOUT and not Path(to).is_dir():
        raise Failure(f"hdu selftest: {to} is no folder for the report; give one with --to, or --to {STDOUT}", 2)
    console = Console(highlight=False, stderr=to == STDOUT)
    try:
        text = asyncio.run(seen_through(given, console))
    except bus.BusError as error:
        raise Failure(f"hdu selftest: the unit does not answer ({error}); look at the readiness service") from error
    return leave(text.encode(), to, console)


def stop() -> int:
    try:
        asyncio.run(stopped())
    except bus.BusError as error:
        raise Failure(f"hdu selftest: the unit does not answer ({error}); look at the readiness service") from error
    return 0


def _order(technician: str, panel: str, patience_s: float) -> Order:
    try:
        return order(technician, panel, patience_s)
    except ValueError as error:
        raise Failure(f"hdu selftest: {error}", 2) from error


def leave(signed: bytes, to: str, console: Console) -> int:
    """Hands out what the unit signed; the verdict is the exit status."""
    try:
        report = msgspec.json.decode(signed, type=Signed).report
        where = _written(report, signed, to)
    except (OSError, msgspec.DecodeError) as error:
        raise Failure(f"hdu selftest: no report: {error}; the unit keeps it: hdu selftest --acceptance") from error
    verdict = sound(report)
    console.print(f"\n[bold {'green' if verdict == 'accepted' else 'red'}]{report.unit}: {verdict}[/]")
    console.print(f"{where}, signed by the unit", soft_wrap=True)
    return 0 if verdict == "accepted" else 1


def _written(report: Acceptance, signed: bytes, to: str) -> str:
    if to == STDOUT:
        sys.stdout.buffer.write(signed)
        sys.stdout.buffer.flush()
        return "the report of " + report.began
    (Path(to) / f"{report.unit}-acceptance.json").write_bytes(signed)
    try:
        printed(report, signed, Path(to))
    except ImportError:  # a unit has nothing to make paper with
        return f"{to}/{report.unit}-acceptance.json (on paper, at the agency: hdu selftest --paper)"
    return f"{to}/{report.unit}-acceptance.json and .pdf"


def printed(report: Acceptance, signed: bytes, to: Path) -> Path:
    """The same on paper."""
    from hdu.acceptance.paper import paper

    file = to / f"{report.unit}-acceptance.pdf"
    file.write_bytes(paper(report, signed))
    return file


def on_paper(file: Path, authority: Path | None, to: str) -> int:
    """The PDF of a report that came from afar, in the folder `to`, once it is known to be the unit's own."""
    report = believed(file, authority)
    try:
        print(f"{printed(report, file.read_bytes(), Path(to))}: {report.unit}, {sound(report)} on {report.began[:10]}")
    except OSError as error:
        raise Failure(f"hdu selftest: no paper: {error}; give a folder with --to") from error
    return 0 if sound(report) == "accepted" else 1


def verified(file: Path, authority: Path | None) -> int:
    """0 where the unit it names made the file and was accepted; Failure where it is not to be believed."""
    report = believed(file, authority)
    print(f"{file}: signed by {report.unit}; {sound(report)} on {report.began[:10]}")
    return 0 if sound(report) == "accepted" else 1


def believed(file: Path, authority: Path | None) -> Acceptance:
    """Failure where the unit it names did not make it."""
    try:
        trusted = (authority or Path(load()[0].unit.certificates.authority)).read_bytes()
        return verify(file.read_bytes(), trusted)
    except (OSError, ReportRefused) as error:
        raise Failure(f"hdu selftest: {file} is refused: {error}; ask for the report again") from error
