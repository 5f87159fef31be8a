"""`hdu selftest [audio|power] [--json]`: exit 0 when every part passed, 1 when one did not, 2 for a wrong call.

The unit tests itself (the verdict's service starts it, as for the panel's ASSIST and MUTE held together); where that
service is away the test runs from here. `power` begins a battery test and waits for it (not with --json).
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from firmware import bus, facts
from firmware.configfile import load
from firmware.selftests import run as selftest_run
from firmware.selftests.report import Outcome, Part, Report, Scope
from hdu.arguments import Arguments
from hdu.discharge import result, until_ended
from hdu.failure import Failure

LONGEST_S = 65.0
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
        return await by_the_unit(scope)
    except bus.BusError as error:
        if "one is running" in str(error):
            raise Failure("hdu selftest: one is running already; wait for it, then try again") from error
    config, _ = load()
    return await selftest_run.run(config, scope, lambda _: None)


async def by_the_unit(scope: Scope) -> Report:
    """BusError where the self-test service does not take the order, or goes away in the middle."""
    system = bus.connect()
    async with asyncio.timeout(LONGEST_S):
        await bus.call(system, "SelfTest", "Run", "s", scope)
        async for fact in bus.follow(system, "SelfTest", facts.SelfTest):
            if fact is None:
                raise bus.BusError("selftest: its service ended in the middle")
            if not fact.running:
                return msgspec.json.decode(await bus.call(system, "SelfTest", "Report"), type=Report)
    raise bus.BusError("selftest: the bus ended")


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu selftest", description=__doc__)
    parser.add_argument("scope", nargs="?", choices=["all", "audio", "power"], default="all", help="(default: all)")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    more = parser.add_argument_group("acceptance of a finished unit (hdu.acceptance)")
    more.add_argument("--acceptance", action="store_true", help="then walk the technician through it, and sign")
    more.add_argument("--technician", default="", help="whose name stands in the report")
    more.add_argument("--panel", default="", help="the number on the panel's back")
    more.add_argument("--to", type=Path, default=Path(), help="the folder for the report")
    more.add_argument("--patience", type=float, default=180.0, metavar="SECONDS", help="for each step")
    more.add_argument("--verify", type=Path, metavar="REPORT", help="check a signed report")
    more.add_argument("--authority", type=Path, help="by this authority (default: this unit's)")
    given = parser.parse_args(arguments)
    if given.verify:
        from hdu import acceptance as accepting

        return accepting.verified(given.verify, given.authority)
    if given.acceptance:
        from hdu import acceptance as accepting

        asyncio.run(accepting.started())
    try:
        report = asyncio.run(asked(given.scope))
    except TimeoutError as error:
        raise Failure(f"hdu selftest: no result within {LONGEST_S:.0f} s; look at the readiness service") from error
    if given.acceptance:
        return accepting.main(report, given.technician, given.panel, given.to, given.patience)
    if given.json:
        print(msgspec.json.encode(report).decode())
    else:
        shown(report, Console(highlight=False))
        if any(part.part == "battery test" and part.outcome == "passed" for part in report.parts):
            return tested(Console(highlight=False))
    return 0 if report.passed else 1


def tested(console: Console) -> int:
    """Waits for the battery test that has begun; 1 where it does not come to its end or the battery is worn."""
    try:
        power = asyncio.run(until_ended(console))
    except TimeoutError as error:
        raise Failure("hdu selftest: the battery test did not begin; look at the power service") from error
    console.print("The battery test did not begin." if power is None else result(power))
    return 0 if power is not None and power.test_ended == "done" and not power.replace else 1
