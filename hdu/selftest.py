"""`hdu selftest [audio|power] [--json]`: exit 0 when every part passed, 1 when one did not, 2 for a wrong call.

The unit tests itself (the verdict's service starts it, as for the panel's ASSIST and MUTE held together); where that
service is away the test runs from here. `power` begins a battery test and waits for it (not with --json).
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from firmware import bus
from firmware.configfile import load
from firmware.selftests import run as selftest_run
from firmware.selftests.asking import LONGEST_S
from firmware.selftests.asking import asked as by_the_unit
from firmware.selftests.report import Outcome, Part, Report, Scope
from hdu.arguments import Arguments
from hdu.discharge import result, until_ended
from hdu.failure import Failure

MARK: dict[Outcome, tuple[str, str]] = {
    "passed": ("ok", "green"),
    "warning": ("note", "yellow"),
    "failed": ("FAILED", "bold red"),
    "unavailable": ("-", "dim"),
}


def line(part: Part, width: int) -> Text:
    """`ok      uplink wired   The network line ...`"""
    word, style = MARK[part.outcome]
    return Text.assemble((f"  {word:<8}", style), (f"{part.part:<{width}}  ", "bold"), part.words)


def shown(report: Report, console: Console) -> None:
    width = max(len(each.part) for each in report.parts)
    console.print(f"[bold]{report.unit}[/]  self test ({report.scope})  {report.at}  {report.took_s:.1f} s")
    for part in report.parts:
        console.print(line(part, width), soft_wrap=True)
    words = "NOT PASSED" if not report.passed else "PASSED: fit for a shift" if report.scope == "all" else "PASSED"
    console.print(Text(words, style="bold green" if report.passed else "bold red"))


async def asked(scope: Scope) -> Report:
    """The unit's own report; run from here where nobody on the bus takes the order."""
    try:
        return await by_the_unit(bus.connect(), scope)
    except bus.BusError as error:
        if "one is running" in str(error):
            raise Failure("hdu selftest: one is running already; wait for it, then try again") from error
    config, _ = load()
    return await selftest_run.run(config, scope, lambda _: None)


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu selftest", description=__doc__)
    parser.add_argument("scope", nargs="?", choices=["all", "audio", "power"], default="all", help="(default: all)")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    acceptance(parser)
    given = parser.parse_args(arguments)
    if given.verify or given.paper or given.acceptance or given.stop:
        return accepting(given)
    try:
        report = asyncio.run(asked(given.scope))
    except TimeoutError as error:
        raise Failure(f"hdu selftest: no result within {LONGEST_S:.0f} s; look at the readiness service") from error
    if given.json:
        print(msgspec.json.encode(report).decode())
    else:
        shown(report, Console(highlight=False))
        if any(part.part == "battery test" and part.outcome == "passed" for part in report.parts):
            return tested(Console(highlight=False))
    return 0 if report.passed else 1


def acceptance(parser: Arguments) -> None:
    """The flags of hdu.acceptance."""
    more = parser.add_argument_group("acceptance of a finished unit (hdu.acceptance)")
    more.add_argument("--acceptance", action="store_true", help="walk the technician through it; the unit signs")
    more.add_argument("--technician", default="", help="begins one; whose name stands in the report")
    more.add_argument("--panel", default="", help="the number on the panel's back")
    more.add_argument("--to", default=".", metavar="FOLDER|-", help="for the report; -: standard output, signed JSON")
    more.add_argument("--patience", type=float, default=180.0, metavar="SECONDS", help="for each step")
    more.add_argument("--stop", action="store_true", help="end the one that runs, without a report")
    more.add_argument("--verify", type=Path, metavar="REPORT", help="check a signed report")
    more.add_argument("--paper", type=Path, metavar="REPORT", help="check a signed report and print it, as PDF")
    more.add_argument("--authority", type=Path, help="by this authority (default: this unit's)")


def accepting(given: argparse.Namespace) -> int:
    from hdu import acceptance

    if given.verify:
        return acceptance.verified(given.verify, given.authority)
    if given.paper:
        return acceptance.on_paper(given.paper, given.authority, given.to)
    if given.stop:
        return acceptance.stop()
    return acceptance.main(given.technician, given.panel, given.to, given.patience)


def tested(console: Console) -> int:
    """Waits for the battery test that has begun; 1 where it does not come to its end or the battery is worn."""
    try:
        power = asyncio.run(until_ended(console))
    except TimeoutError as error:
        raise Failure("hdu selftest: the battery test did not begin; look at the power service") from error
    console.print("The battery test did not begin." if power is None else result(power))
    return 0 if power is not None and power.test_ended == "done" and not power.replace else 1
