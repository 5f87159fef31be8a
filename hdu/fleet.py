"""`hdu fleet`: who runs what (booted, proven), who failed and why, who is silent; and stops a roll-out that must stop.

  hdu fleet --from https://console/hub.json                             versions, and who is silent or refuses; why
  hdu fleet --from https://console/hub.json --units                     every unit: booted, proven, failed, waiting
  hdu fleet --from hub.json --roll-out rollout.toml [--json]            with a bar per ring, and the failures' reasons
  hdu fleet --from ... --guard REPO --online online.key       once a minute, from a timer: stops every published
                                                     roll-out that passes its limit of failures in a ring

To stop or resume one by hand: hdu publish halt, hdu publish resume. Exit 1: the roll-out has passed its limit.
"""

import argparse
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from firmware.facts import Update
from firmware.release.rollout import RollOut, RollOutError, parse
from hdu.arguments import Arguments
from hdu.failure import Failure
from hdu.sign import secret
from hub import fleet
from hub.console.times import epoch_s
from hub.fleet import Progress, UnitRun
from hub.updates import keys
from hub.updates.files import UpdatesError
from hub.updates.published import roll_outs
from hub.updates.repository import Repository

TIMEOUT_S, MAX_BYTES = 30.0, 256 << 20


class _Row(msgspec.Struct, frozen=True):
    """What is used of a unit's line in /hub.json."""

    unit: str
    last_seen: str | None = None
    version: str | None = None
    update: Update | None = None


class _Hub(msgspec.Struct, frozen=True):
    units: list[_Row]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`hdu fleet --json`. `stop` is why the roll-out must stop (empty: it need not), `next` what may be signed next."""

    units: list[UnitRun]
    versions: dict[str, int]
    silent: list[str]
    roll_out: str = ""
    rings: tuple[Progress, ...] = ()
    failures: list[tuple[str, int]] = []
    refusals: list[tuple[str, int]] = []
    stop: str = ""
    next: dict[str, float] | None = None


def read(source: str) -> list[UnitRun]:
    """The units of a /hub.json, from a file or over HTTP; Failure where it cannot be read."""
    try:
        if source.startswith(("http://", "https://")):
            with urllib.request.urlopen(source, timeout=TIMEOUT_S) as answer:
                data = answer.read(MAX_BYTES)
        else:
            data = Path(source).read_bytes()
        return [_run(row) for row in msgspec.json.decode(data, type=_Hub).units]
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise Failure(f"hdu fleet: {source}: cannot be read: {error}; name the console's /hub.json") from error


def _run(row: _Row) -> UnitRun:
    update = row.update or Update()
    seen_s = None if row.last_seen is None else epoch_s(row.last_seen)
    return fleet.run(row.unit, row.version or "0", update, seen_s)


def report(runs: Sequence[UnitRun], roll_out: RollOut | None, now_s: float) -> Report:
    silent = [run.unit for run in runs if run.seen_s is None or now_s - run.seen_s > fleet.SILENT_S]
    versions = dict(sorted(Counter(run.version for run in runs).items()))
    refusals = Counter(run.refused for run in runs if run.refused).most_common()
    if roll_out is None:
        return Report(units=list(runs), versions=versions, silent=silent, refusals=refusals)
    rings = fleet.progress(runs, roll_out, now_s)
    step = fleet.next_step(rings, roll_out)
    return Report(
        units=list(runs),
        versions=versions,
        silent=silent,
        roll_out=roll_out.id,
        rings=rings,
        failures=fleet.reasons(runs, roll_out),
        refusals=refusals,
        stop=fleet.stop_reason(rings, roll_out),
        next=None if step is None else {str(ring): percent for ring, percent in step.items()},
    )


def show(made: Report, out: Console) -> None:
    """The sums, as a person reads them."""
    table = Table("release", "units", title=f"{len(made.units)} units, {len(made.silent)} silent")
    for version, number in made.versions.items():
        table.add_row(version, str(number))
    out.print(table)
    for reason, number in made.refusals:
        out.print(f"{number} found the repository not right: {reason}")
    if made.roll_out:
        show_roll_out(made, out)


def show_units(made: Report, out: Console) -> None:
    """Every unit by name. What was tried and taken back is told with its reason."""
    table = Table("unit", "ring", "booted", "proven", "settings", "", title="units")
    for run in sorted(made.units, key=lambda run: run.unit):
        proven = {True: "yes", False: "no", None: "unknown"}
        words = "silent" if run.unit in made.silent else run.refused or run.waits
        back = f"took back {run.failed_kind} {run.failed_version}: {run.failed}" if run.failed_version else ""
        site = run.site if run.site_proven else f"{run.site} (on trial)"
        table.add_row(run.unit, run.ring, run.version, proven[run.proven], site, "; ".join(filter(None, (back, words))))
    out.print(table)


def show_roll_out(made: Report, out: Console) -> None:
    """A bar per ring, the reasons of those that failed, and what to do next."""
    rings = Table("ring", "units", "concerned", "proven", "unproven", "failed", "silent", "", title=made.roll_out)
    for each in made.rings:
        bar = ProgressBar(total=max(each.concerned, 1), completed=each.proven, width=20)
        counts = (each.units, each.concerned, each.proven, each.unproven, each.failed, each.silent)
        rings.add_row(each.ring, *map(str, counts), bar)
    out.print(rings)
    for reason, number in made.failures:
        out.print(f"failed on {number}: {reason}")
    if made.stop:
        out.print(f"must stop: {made.stop}")
    elif made.next:
        out.print(f"may go on: sign percent = {made.next}")


def guard_all(runs: Sequence[UnitRun], folder: Path, online: Path, now_s: float) -> bool:
    """Guards every roll-out that is published in `folder`; whether one had to be stopped, now or before."""
    repository, stopped = Repository(folder), False
    for each in roll_outs(repository.folder / "public"):
        made = report(runs, each.roll_out, now_s)
        if done := guard(made, repository, online):
            print(done)
        stopped = stopped or bool(made.stop)
    return stopped


def guard(made: Report, repository: Repository, online: Path) -> str:
    """Stops the roll-out if it must be and is not yet; what was done, in words."""
    if not made.stop:
        return ""
    if made.roll_out in repository.halted():
        return f"{made.roll_out} is stopped already"
    repository.halt(keys.signer(str(online), None, secret), made.roll_out, made.stop)
    return f"stopped {made.roll_out}: {made.stop}"


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", required=True, help="the console's /hub.json: an address or a file")
    parser.add_argument("--roll-out", type=Path)
    parser.add_argument("--guard", type=Path, metavar="REPO")
    parser.add_argument("--online", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--units", action="store_true", help="every unit, not only the sums")
    given = parser.parse_args(arguments)
    if given.guard and not given.online:
        raise Failure("hdu fleet: --guard needs --online, the key that may stop a roll-out", status=2)
    try:
        roll_out = parse(given.roll_out.read_bytes(), str(given.roll_out)) if given.roll_out else None
        made = report(read(given.source), roll_out, time.time())
        if given.json:
            print(msgspec.json.encode(made).decode())
        else:
            show(made, Console())
        if given.units and not given.json:
            show_units(made, Console())
        if given.guard and given.roll_out:
            if done := guard(made, Repository(given.guard), given.online):
                print(done)
        elif given.guard and guard_all(made.units, given.guard, given.online, time.time()):
            return 1
    except (RollOutError, UpdatesError, OSError) as error:
        raise Failure(f"hdu fleet: {error}") from error
    return 1 if made.stop else 0
