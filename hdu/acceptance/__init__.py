"""`hdu selftest --acceptance`: the unit tests itself, then walks the technician through what only hands can do.

It leaves UNIT-acceptance.json, signed with the unit's own key, and the same as PDF. `--verify` checks such a file.
Exit 0 accepted, 1 not.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from firmware import bus
from firmware.clock import now_rfc3339
from firmware.config import Config
from firmware.configfile import load
from firmware.facts import Status
from firmware.selftests.report import Report
from hdu.acceptance.paper import paper
from hdu.acceptance.parts import compared
from hdu.acceptance.report import Acceptance, Finding, ReportRefused, sign, sound, verify
from hdu.acceptance.steps import Step, steps
from hdu.acceptance.walk import Unit, walk
from hdu.failure import Failure
from hdu.provision import base
from hdu.provision.identity import Refused
from hdu.provision.steps import provisioned
from hdu.provision.store import Store

PATIENCE_S, START_S = 180.0, 60.0
MARK = {"passed": "[green]ok[/]     ", "warning": "[yellow]note[/]   ", "failed": "[bold red]FAILED[/] "}


def main(alone: Report, technician: str, panel: str, to: Path, patience_s: float) -> int:
    """Goes on from the self test `alone`; `panel` is the number on the panel's back."""
    console = Console(highlight=False)
    config, faults = load()
    began, at = time.monotonic(), now_rfc3339()
    tested = [Finding(part.part, part.outcome, part.words, _seconds(part.took_ms)) for part in alone.parts]
    tested += [Finding("configuration file", "failed", fault) for fault in faults]
    for finding in tested:
        told(finding, console)
    try:
        version, walked = asyncio.run(walked_through(config, panel, patience_s, console))
    except (TimeoutError, bus.BusError) as error:
        raise Failure("hdu selftest: the unit does not answer over its bus; look at the status service") from error
    passed = alone.passed and not faults and all(each.outcome != "failed" for each in walked)
    words = (config.unit.name, version, technician, at, round(time.monotonic() - began + alone.took_s, 1))
    return leave(Acceptance(*words, passed, tuple(tested), tuple(walked)), config, to, console)


async def started() -> None:
    """Returns once the unit knows its own state, or after START_S: who has just been switched on is not tested yet."""
    with contextlib.suppress(TimeoutError, ExceptionGroup, bus.BusError):
        unit = Unit(bus.connect())
        async with asyncio.timeout(START_S), unit.followed():
            while unit.seen().status.readiness.safe is None:
                unit.changed.clear()
                await unit.changed.wait()


def _seconds(took_ms: float | None) -> float | None:
    return None if took_ms is None else round(took_ms / 1000, 3)


def told(finding: Finding, console: Console) -> None:
    mark = MARK.get(finding.outcome, "[dim]-[/]      ")
    console.print(f"  {mark} [bold]{finding.part}[/]  {finding.words}", soft_wrap=True)


async def walked_through(config: Config, panel: str, patience_s: float, console: Console) -> tuple[str, list[Finding]]:
    """The release that runs, and what was found with the technician's hands."""
    unit, found = Unit(bus.connect()), list[Finding]()

    def asked(step: Step) -> None:
        console.print(f"\n[bold cyan]{step.key}:[/] [bold]{step.ask}[/]", soft_wrap=True)

    def finding(one: Finding) -> None:
        found.append(one)
        told(one, console)

    async with unit.followed():
        for one in parts(unit.seen().status, panel):
            finding(one)
        await walk(unit, steps(config.unit), patience_s, asked, finding)
        return unit.seen().status.version, found


def parts(status: Status, panel: str) -> Iterable[Finding]:
    """The parts against the provisioning; a unit that was not provisioned here cannot tell."""
    try:
        told = provisioned(Store(base()))
    except Refused as error:
        return [Finding("parts", "warning", f"not compared with the provisioning: {error}")]
    return compared(told.answers, status.modem, panel)


def leave(report: Acceptance, config: Config, to: Path, console: Console) -> int:
    """Signs and writes both files."""
    certificates = config.unit.certificates
    try:
        signed = sign(report, Path(certificates.certificate).read_bytes(), Path(certificates.key).read_bytes())
        (to / f"{report.unit}-acceptance.json").write_bytes(signed)
        (to / f"{report.unit}-acceptance.pdf").write_bytes(paper(report, signed))
    except (OSError, ReportRefused) as error:
        raise Failure(f"hdu selftest: no report: {error}") from error
    verdict = sound(report)
    console.print(f"\n[bold {'green' if verdict == 'accepted' else 'red'}]{report.unit}: {verdict}[/]")
    console.print(f"{to}/{report.unit}-acceptance.json and .pdf, signed by the unit")
    return 0 if verdict == "accepted" else 1


def verified(file: Path, authority: Path | None) -> int:
    """0 where the unit it names made the file and was accepted; Failure where it is not to be believed."""
    try:
        trusted = (authority or Path(load()[0].unit.certificates.authority)).read_bytes()
        report = verify(file.read_bytes(), trusted)
    except (OSError, ReportRefused) as error:
        raise Failure(f"hdu selftest: {file} is refused: {error}; ask for the report again") from error
    print(f"{file}: signed by {report.unit}; {sound(report)} on {report.began[:10]}")
    return 0 if sound(report) == "accepted" else 1
