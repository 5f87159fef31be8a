"""How soon the verdict tells of each single fault, and how soon of its end: a table, results/verdicts.json.

`python -m tests.bench.verdicts [--only CHECK] [--rounds N]`, inside bench/machine/enter: a bench of its own, at least
one fault a check, and every service that hangs. Times run from when the fault is asked for to when the verdict
says so, as read on the bench's page or on the panel's lamp; the bound is 2 s. What a fact is by definition (ten seconds
of digital silence are a dead microphone) counts from the moment it is one. With several rounds a row is the slowest.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from firmware.checks import ALL
from tests.bench.conftest import ROOT, Client, begun
from tests.bench.verdict_faults import FAULTS, Fault

BOUND_S, PATIENCE_S, LOOK_S = 2.0, 30.0, 0.02
RESULTS = ROOT / "results" / "verdicts.json"


def says(bench: Client, words: str) -> bool:
    """Whether the verdict has the reason (or, without words, the red lamp) now; who does not answer says nothing."""
    try:
        if not words:
            return bool(bench.get("/twin/panel")["lamps"]["safe"] == "red")
        reasons = bench.get("/unit.json")["readiness"]["reasons"]
    except (OSError, ValueError):
        return False
    return any(words in reason for reason in reasons)


def waited_s(since: float, holds: Callable[[], bool]) -> float | None:
    """Seconds from `since` (monotonic) until `holds`; None where it does not within PATIENCE_S."""
    while time.monotonic() < since + PATIENCE_S:
        if holds():
            return max(0.0, time.monotonic() - since)
        time.sleep(LOOK_S)
    return None


@dataclass(frozen=True)
class Row:
    check: str
    fault: str
    told_s: float | None
    cleared_s: float | None


def measured(bench: Client, fault: Fault) -> Row:
    fault.before(bench)
    bench.until("no such reason before", lambda: not says(bench, fault.words))
    began = time.monotonic()
    fault.make(bench)
    told_s = waited_s(began + fault.lasts_s, lambda: says(bench, fault.words))
    began = time.monotonic()
    fault.heal(bench)
    cleared_s = waited_s(began, lambda: not says(bench, fault.words))
    fault.after(bench)
    return Row(fault.check, fault.name, told_s, cleared_s)


def slowest(rows: Sequence[Row]) -> Row:
    """What was never told is slower than anything."""
    return max(rows, key=lambda row: (row.told_s is None, row.told_s or 0.0))


def shown(row: Row) -> str:
    told, cleared = (("-" if each is None else f"{each:.2f} s") for each in (row.told_s, row.cleared_s))
    mark = "ok" if row.told_s is not None and row.told_s <= BOUND_S else f"OVER {BOUND_S:g} s"
    return f"{row.check:<14} {row.fault:<53} {told:>8} {cleared:>9}  {mark}"


def one(bench: Client, fault: Fault) -> Row:
    bench.heal()
    return measured(bench, fault)


def rows(bench: Client, only: str, rounds: int) -> list[Row]:
    """Every fault by itself, everything well in between."""
    print(f"{'check':<14} {'fault':<53} {'told':>8} {'cleared':>9}", flush=True)
    found = []
    for fault in (each for each in FAULTS if only in ("", each.check)):
        found.append(slowest([one(bench, fault) for _ in range(rounds)]))
        print(shown(found[-1]), flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="verdicts", description=__doc__)
    parser.add_argument("--only", default="", help="one check alone")
    parser.add_argument("--rounds", type=int, default=1, help="each fault so often; the slowest counts")
    given = parser.parse_args()
    left_out = {check.__module__.rpartition(".")[2] for check in ALL} - {each.check for each in FAULTS}
    assert not left_out, f"no fault for the checks {left_out}"
    with begun("v", "--disk-kb", "16384") as bench:
        found = rows(bench, given.only, given.rounds)
    late = [row for row in found if row.told_s is None or row.told_s > BOUND_S]
    machine = {"cores": os.cpu_count(), "load_1_min": os.getloadavg()[0], "kernel": platform.release()}
    if not given.only:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps(
                {
                    "bound_s": BOUND_S,
                    "rounds": given.rounds,
                    "machine": machine,
                    "rows": [asdict(row) for row in found],
                },
                indent=1,
            )
            + "\n"
        )
    worst = max((row.told_s for row in found if row.told_s is not None), default=0.0)
    words = f"{len(found) - len(late)} of {len(found)} within {BOUND_S:g} s, the slowest {worst:.2f} s"
    print(f"{words}, load {machine['load_1_min']:.1f} on {machine['cores']} cores")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
