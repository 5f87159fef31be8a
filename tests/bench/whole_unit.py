"""The whole unit measured: `python -m tests.bench.whole_unit [--presses N]`, inside `enter`; results/bench.json.

Press to spool and to the supervisors' console with the share of each hop, then memory and idle CPU of every process as
they are after these presses. Times are from when the finger begins to move the contacts, so their travel and bounce
count, and the way of the bench's request to the twin does not. `disk alone` is the same disk, asked by nobody else,
before and after the presses: a machine whose disk is throttled shows it there. `machine stood still` is how late a
process that only sleeps was woken meanwhile; presses in which that was under STILL_MS are shown once more alone.
"""

import argparse
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from watchdog.events import FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from bench.unit import SERVICES
from firmware import kept
from firmware.spool import ALERT
from tests.bench.conftest import Client, begun
from tests.bench.stalls import Sleeper

RESULTS = Path("results/bench.json")
DISK_TRIES = 50
STOOD_STILL, STILL_MS = "machine stood still", 10.0
IDLE_S, BOUND_S, SETTLED_S = 20.0, 10.0, 60.0
Row = dict[str, float]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Arrivals(FileSystemEventHandler):
    """When each alert's file was renamed into the spool (inotify), without keeping the machine busy meanwhile."""

    def __init__(self, spool: Path) -> None:
        self.at: dict[str, float] = {}
        self.observer = InotifyObserver()
        self.observer.schedule(self, str(spool), event_filter=[FileMovedEvent])
        self.observer.start()

    def on_moved(self, event: FileSystemEvent) -> None:
        name = Path(str(event.dest_path)).name
        if name.endswith(ALERT):
            self.at.setdefault(name.removesuffix(ALERT), time.time())


def press(bench: Client, arrivals: Arrivals) -> tuple[str, float]:
    """One press: the alert's id, and when its contacts began to move (wall clock)."""
    known, asked = set(arrivals.at), time.time()
    bench.post("/twin/panel", {"button": "panic", "action": "press"})
    while not (new := set(arrivals.at) - known):
        if time.time() - asked > BOUND_S:
            raise SystemExit(f"bench: a press was not on disk after {BOUND_S:g} s")
        time.sleep(0.02)
    moved_at = float(bench.get("/twin/panel")["moved_at"])
    bench.post("/twin/panel", {"button": "panic", "action": "release"})
    return new.pop(), moved_at


def one(bench: Client, arrivals: Arrivals, sleeper: Sleeper) -> Row:
    """One press through every hop, in ms; it is answered, so that the next finds an empty spool."""
    sleeper.longest_ms()
    id, moved_at = press(bench, arrivals)
    ends = time.time() + BOUND_S
    while id not in (alerts := {each["id"]: each for each in bench.get("/hub.json")["alerts"]}):
        if time.time() > ends:
            raise SystemExit(f"bench: the console did not show {id} within {BOUND_S:g} s")
        time.sleep(0.05)
    stood_still_ms = sleeper.longest_ms()
    raised, received = seconds(alerts[id]["raised_at"]), seconds(alerts[id]["received_at"])
    bench.post("/hub/acknowledge", {"alert": id, "by": "the bench"})
    time.sleep(0.1)  # a person's pause: the answer's own way must not be measured as part of the next press
    on_disk = arrivals.at[id]
    return {
        "contacts to decision": (raised - moved_at) * 1000,
        "decision to disk": (on_disk - raised) * 1000,
        "disk to console": (received - on_disk) * 1000,
        "press to spool": (on_disk - moved_at) * 1000,
        "press to console": (received - moved_at) * 1000,
        STOOD_STILL: stood_still_ms,
    }


def by_hop(rows: list[Row]) -> dict[str, list[float]]:
    """Every hop of all presses; then the two ways of those in which the machine ran on."""
    ran_on = [row for row in rows if row[STOOD_STILL] < STILL_MS]
    hops = {name: [row[name] for row in rows] for name in rows[0]}
    alone = {f"{way}, machine ran on": [row[way] for row in ran_on] for way in ("press to spool", "press to console")}
    return {**hops, **(alone if ran_on else {})}


def disk_alone(folder: Path) -> list[float]:
    """How long a file like an alert takes to be there for good (written, synced, renamed, folder synced), in ms."""
    times = []
    for number in range(DISK_TRIES):
        began = time.monotonic()
        kept.replace(folder / f"disk-{number}", b"x" * 200, durable=True)
        times.append((time.monotonic() - began) * 1000)
    return times


def pss_mb(pid: int) -> float:
    """Proportional set size (proc(5), smaps_rollup) in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until_idle(bench: Client) -> None:
    """The last answer has been shown, its alert closed: nothing is left to do."""
    ends = time.monotonic() + SETTLED_S
    while bench.get("/unit.json")["panel"]["panic"] != "idle" and time.monotonic() < ends:
        time.sleep(0.5)


def idle(bench: Client, for_s: float) -> dict[str, Row]:
    """Every process: memory, and CPU in per cent of one core while nothing happens."""
    pids = {name: each["pid"] for name, each in bench.get("/processes.json").items() if each["pid"]}
    before, began = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(for_s)  # what is measured is this time, not a condition
    took = time.monotonic() - began
    return {
        name: {"pss_mb": pss_mb(pid), "cpu_percent": (cpu_s(pid) - before[name]) / took * 100}
        for name, pid in pids.items()
    }


def show(hops: dict[str, list[float]], processes: dict[str, Row]) -> dict[str, Any]:
    table = {name: {"p50": percentile(all, 0.5), "p99": percentile(all, 0.99)} for name, all in hops.items()}
    print(f"{'hop':<34}{'presses':>8}{'p50 ms':>10}{'p99 ms':>10}")
    for name, row in table.items():
        print(f"{name:<34}{len(hops[name]):>8}{row['p50']:>10.1f}{row['p99']:>10.1f}")
    ours = {name: processes[name] for name in SERVICES if name in processes}
    print(f"\n{'service':<24}{'PSS MB':>10}{'CPU %':>10}")
    for name, row in ours.items():
        print(f"{name:<24}{row['pss_mb']:>10.1f}{row['cpu_percent']:>10.2f}")
    total = {key: sum(row[key] for row in ours.values()) for key in ("pss_mb", "cpu_percent")}
    print(f"{'all services':<24}{total['pss_mb']:>10.1f}{total['cpu_percent']:>10.2f}")
    measured = {"presses": len(hops["press to spool"]), "cores": os.cpu_count()}
    return {**measured, "hops_ms": table, "processes": processes, "services": total}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.whole_unit")
    parser.add_argument("--presses", type=int, default=1000)
    parser.add_argument("--idle-s", type=float, default=IDLE_S)
    given = parser.parse_args()
    began = time.monotonic()
    with begun("m") as bench:
        ready_s = time.monotonic() - began
        print(f"ready after {ready_s:.1f} s")
        bench.heal()
        arrivals = Arrivals(bench.folder / "unit" / "data" / "spool")
        disk = disk_alone(bench.folder)
        sleeper = Sleeper()
        rows = [one(bench, arrivals, sleeper) for _ in range(given.presses)]
        sleeper.close()
        disk_after = disk_alone(bench.folder)
        until_idle(bench)
        processes = idle(bench, given.idle_s)
    arrivals.observer.stop()
    result = show({**by_hop(rows), "disk alone, before": disk, "disk alone, after": disk_after}, processes)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"ready_s": ready_s, **result}, indent=1))


if __name__ == "__main__":
    main()
