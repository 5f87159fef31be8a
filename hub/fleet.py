"""Who runs what: the fleet as its status documents tell it, and how a roll-out goes. Pure.

A unit counts for a roll-out by what it booted and proved, never by what it downloaded. A silent unit counts as neither.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from firmware.facts import Update
from firmware.release.policy import share
from firmware.release.rollout import RINGS, Ring, RollOut, version_key

SILENT_S = 3_600.0
SETTLED = 0.95  # of the units a step concerns; the rest may be switched off for weeks
State = Literal["runs", "unproven", "failed", "older", "silent"]
# Each step waits until the one before has settled. The first ring takes the first blow; percentages double at most.
STEPS: tuple[tuple[Ring, float], ...] = (
    *(("canary", 100.0), ("early", 25.0), ("early", 100.0)),
    *(("all", 5.0), ("all", 25.0), ("all", 100.0)),
)


class UnitRun(msgspec.Struct, frozen=True, kw_only=True):
    """One unit: what it booted, whether that proved itself (None: not known yet), what it took back and why; the same
    of its settings. `refused` is what was wrong with the repository, `waits` why it has not taken what it could."""

    unit: str
    ring: Ring = "all"
    version: str = "0"
    proven: bool | None = None
    failed_version: str = ""
    failed: str = ""
    failed_kind: str = "bundle"
    site: str = "0"
    site_proven: bool | None = None
    refused: str = ""
    waits: str = ""
    seen_s: float | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One ring in one roll-out: `concerned` by its percentage, and what became of those. `tried` is what the limit
    counts from: those that booted it, proved or not, and those that took it back."""

    ring: Ring
    units: int = 0
    concerned: int = 0
    proven: int = 0
    unproven: int = 0
    failed: int = 0
    silent: int = 0

    @property
    def tried(self) -> int:
        return self.proven + self.unproven + self.failed


def run(unit: str, version: str, update: Update, seen_s: float | None) -> UnitRun:
    """What a unit's status document says of itself."""
    ring: Ring = next((each for each in RINGS if each == update.ring), "all")
    return UnitRun(
        unit=unit,
        ring=ring,
        version=version,
        proven=update.proven,
        failed_version=update.failed_version,
        failed=update.failed,
        failed_kind=update.failed_kind or "bundle",
        site=update.site or "0",
        site_proven=update.site_proven,
        refused=update.refused,
        waits=update.reason,
        seen_s=seen_s,
    )


def state(of: UnitRun, roll_out: RollOut, now_s: float) -> State:
    """Where a unit stands with a release. Failed stays failed, whether or not the unit is heard since."""
    if took_back(of, roll_out):
        return "failed"
    if of.seen_s is None or now_s - of.seen_s > SILENT_S:
        return "silent"
    has, proven = (of.site, of.site_proven) if roll_out.kind == "site" else (of.version, of.proven)
    if version_key(has) < version_key(roll_out.version):
        return "older"
    return "runs" if proven else "unproven"


def took_back(of: UnitRun, roll_out: RollOut) -> bool:
    return (of.failed_kind, of.failed_version) == (roll_out.kind, roll_out.version)


def progress(runs: Iterable[UnitRun], roll_out: RollOut, now_s: float) -> tuple[Progress, ...]:
    """Each ring's, in the order of the rings."""
    counts = {
        ring: dict.fromkeys(("units", "concerned", "runs", "unproven", "failed", "older", "silent"), 0)
        for ring in RINGS
    }
    for each in runs:
        ring = counts[each.ring]
        ring["units"] += 1
        ring["concerned"] += share(each.unit, roll_out.id) < roll_out.percent.get(each.ring, 0)
        ring[state(each, roll_out, now_s)] += 1
    return tuple(
        Progress(
            ring=ring,
            units=count["units"],
            concerned=count["concerned"],
            proven=count["runs"],
            unproven=count["unproven"],
            failed=count["failed"],
            silent=count["silent"],
        )
        for ring, count in counts.items()
    )


def stop_reason(found: Sequence[Progress], roll_out: RollOut) -> str:
    """Why the roll-out must stop now; empty: it may go on."""
    for each in found:
        limit = max(roll_out.failures_at_least, roll_out.failure_limit * each.tried)
        if each.failed >= limit:
            return f"{each.ring}: {each.failed} of {each.tried} that tried {roll_out.id} failed or rolled back"
    return ""


def next_step(found: Sequence[Progress], roll_out: RollOut) -> dict[Ring, float] | None:
    """The percentages to sign next; None: the present step has not settled, must stop, or was the last."""
    by_ring = {each.ring: each for each in found}
    if stop_reason(found, roll_out):
        return None
    for ring, percent in STEPS:
        if roll_out.percent.get(ring, 0) < percent:
            return {**roll_out.percent, ring: percent}
        each = by_ring[ring]
        if each.proven + each.failed < SETTLED * each.concerned:
            return None
    return None


def reasons(runs: Iterable[UnitRun], roll_out: RollOut) -> list[tuple[str, int]]:
    """Why units failed, the most frequent first."""
    found: dict[str, int] = {}
    for each in runs:
        if took_back(each, roll_out):
            words = each.failed or "no reason given"
            found[words] = found.get(words, 0) + 1
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
