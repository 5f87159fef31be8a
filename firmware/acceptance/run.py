"""One acceptance, as a process: `python -m firmware.acceptance.run` reads its order (JSON) and says what it does.

A line of JSON (`firmware.acceptance.progress`) for each step and finding; the last one is the signed report. What it
signs it has measured itself. It is a process of its own so that what it needs goes when it ends.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from firmware import bus, journal
from firmware.acceptance import order as ordering
from firmware.acceptance.finding import Finding
from firmware.acceptance.order import Order
from firmware.acceptance.parts import FILE, parts
from firmware.acceptance.progress import Asked, Failed, Found, Line, Signed
from firmware.acceptance.report import Acceptance, ReportRefused, sign, sound
from firmware.acceptance.steps import Step, steps
from firmware.acceptance.walk import Unit, walk
from firmware.clock import now_rfc3339
from firmware.config import Config
from firmware.configfile import folder, load
from firmware.selftests.asking import asked
from firmware.selftests.report import Part

log = logging.getLogger("acceptance")
Say = Callable[[Line], None]


@dataclass
class Walked:
    """What one acceptance has found so far; each finding is said as it is found."""

    say: Say
    alone: list[Finding] = field(default_factory=list)
    walked: list[Finding] = field(default_factory=list)

    def by_itself(self, finding: Finding) -> None:
        self.alone.append(finding)
        self.say(Found(finding))

    def by_hand(self, finding: Finding) -> None:
        self.walked.append(finding)
        self.say(Found(finding))

    def begins(self, step: Step, needed: bool) -> None:
        self.say(Asked(step.key, step.ask if needed else ""))


async def accepted(config: Config, faults: tuple[str, ...], given: Order, say: Say) -> Line:
    """The last line. BusError or TimeoutError where the unit does not answer over its bus."""
    at, began, found, unit = now_rfc3339(), time.monotonic(), Walked(say), Unit(bus.connect())
    async with unit.followed():
        await unit.started()
        if why := ordering.barred(unit.seen()) or ordering.unknown(unit.seen()):
            return Failed(ordering.NOT_NOW + why)
        await measured(unit, faults, found)
        for part in parts(provisioned(), unit.seen().status.modem, given.panel):
            found.by_hand(part)
        await walk(unit, steps(config.unit), given.patience_s, found.begins, found.by_hand)
        version = unit.seen().status.version
    return signed(config, report(config.unit.name, version, given, at, time.monotonic() - began, found))


async def measured(unit: Unit, faults: tuple[str, ...], found: Walked) -> None:
    """What needs no hands."""
    try:
        for part in (await asked(unit.bus, "all")).parts:
            found.by_itself(_finding(part))
    except bus.BusError as error:
        found.by_itself(Finding("self test", "failed", f"it did not run: {error}"))
    for fault in faults:
        found.by_itself(Finding("configuration file", "failed", fault))


def _finding(part: Part) -> Finding:
    took_s = None if part.took_ms is None else round(part.took_ms / 1000, 3)
    return Finding(part.part, part.outcome, part.words, took_s)


def provisioned() -> bytes | None:
    try:
        return (folder() / FILE).read_bytes()
    except OSError:
        return None


def report(unit: str, version: str, given: Order, at: str, took_s: float, found: Walked) -> Acceptance:
    passed = all(each.outcome != "failed" for each in (*found.alone, *found.walked))
    words = (unit, version, given.technician, at, round(took_s, 1))
    return Acceptance(*words, passed, tuple(found.alone), tuple(found.walked))


def signed(config: Config, made: Acceptance) -> Line:
    """With the unit's own key, which every service that speaks to the hub may read."""
    files = config.unit.certificates
    try:
        content = sign(made, Path(files.certificate).read_bytes(), Path(files.key).read_bytes())
    except (OSError, ReportRefused) as error:
        return Failed(f"it cannot be signed: {error}")
    return Signed(sound(made), content.decode())


def say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    journal.set_up()
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    config, faults = load()
    last: Line = Failed("the unit does not answer over its bus; look at the status service")
    try:
        last = asyncio.run(accepted(config, faults, given, say))
    except* (TimeoutError, bus.BusError) as group:
        log.error("%s", "; ".join(map(repr, group.exceptions)))
    say(last)
    return 0


if __name__ == "__main__":
    sys.exit(main())
