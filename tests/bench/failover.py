"""How long traffic to the hub stops when an uplink fails: our unit, NetworkManager alone, and a mwan3-like tracker.

`make bench-failover` (ARGS="--runs 20 --peer-runs 3 --faults blackhole,cable"). A stream of 100 datagrams a second goes
both ways through the data tunnel. Each contestant has a network of its own, with the same links: wired and LTE. Prints
a table, writes results/failover.json. Peers need up to a minute a run, so they have fewer runs; the table says so.
The fail-back holds of our unit are cut to one second here, so that runs follow each other; what is measured does not
depend on them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct, to_builtins

from hw.cables.faults import Fault
from tests.bench.failover_contestants import OURS, PEERS, Contestant
from tests.bench.failover_lab import Lab
from tests.bench.failover_stream import Outage, Stream

WELL_S, BACK_BOUND_S = 0.6, 120.0


class Row(Struct, frozen=True):
    """One contestant under one fault. `gap`: longest time without an arrival; `well`: until nothing was lost."""

    contestant: str
    fault: str
    runs: int
    gap_median_ms: float | None
    gap_p99_ms: float | None
    gap_max_ms: float | None
    well_median_ms: float | None
    lost_median: float | None
    never: int


async def steady(lab: Lab, fault: Fault) -> None:
    await lab.set("wired", fault)


async def flap(lab: Lab) -> None:
    for _ in range(5):
        await lab.set("wired", Fault(cable=False))
        await asyncio.sleep(0.5)
        await lab.set("wired", Fault())
        await asyncio.sleep(0.5)


async def reboot(lab: Lab) -> None:
    """The router's ports are dead for 2 s, then it has a carrier and forwards nothing for 6 s."""
    await lab.set("wired", Fault(cable=False))
    await asyncio.sleep(2.0)
    await lab.set("wired", Fault(blackhole="both"))
    await asyncio.sleep(6.0)
    await lab.set("wired", Fault())


async def both(lab: Lab) -> None:
    """Both uplinks dead for 3 s, then LTE is back: what is measured starts there."""
    for name in ("wired", "lte"):
        await lab.set(name, Fault(blackhole="both"))
    await asyncio.sleep(3.0)
    lab.marked_at = time.monotonic()
    await lab.set("lte", Fault())


FAULTS: dict[str, Callable[[Lab], Awaitable[None]]] = {
    "cable out": lambda lab: steady(lab, Fault(cable=False)),
    "blackhole": lambda lab: steady(lab, Fault(blackhole="both")),
    "blackhole up": lambda lab: steady(lab, Fault(blackhole="up")),
    "blackhole down": lambda lab: steady(lab, Fault(blackhole="down")),
    "30 % loss": lambda lab: steady(lab, Fault(loss=0.3)),
    "800 ms delay": lambda lab: steady(lab, Fault(delay_ms=800)),
    "flapping": flap,
    "router reboot": reboot,
    "both, LTE back": both,
}


async def one(lab: Lab, stream: Stream, fault: Callable[[Lab], Awaitable[None]], bound_s: float) -> Outage:
    """One fault, until traffic flows again or `bound_s` is over; then all is healed and the unit back on wired."""
    lab.marked_at = began = time.monotonic()
    await fault(lab)
    await stream.well(began, WELL_S, bound_s)
    seen = stream.outage(lab.marked_at, time.monotonic() - 0.2)
    for name in ("wired", "lte"):
        await lab.set(name, Fault())
    await back(lab, stream)
    return seen


async def back(lab: Lab, stream: Stream) -> None:
    ends = time.monotonic() + BACK_BOUND_S
    while await lab.active() != "wired" or not await lab.flowing("wired"):
        if time.monotonic() > ends:
            raise TimeoutError(f"{lab.folder.name}: not back on wired in {BACK_BOUND_S:g} s")
        await asyncio.sleep(0.1)
    await stream.well(time.monotonic(), 1.5, BACK_BOUND_S)
    stream.forget()


async def measure(contestant: Contestant, folder: Path, runs: int, faults: list[str]) -> list[Row]:
    """Every fault, `runs` times."""
    name, make, bound_s = contestant
    async with AsyncExitStack() as stack:
        lab = await make(stack, folder / name.split()[0])
        stream = Stream(lab.names.unit, lab.names.hub)
        stack.push_async_callback(stream.close)
        await back(lab, stream)
        rows = []
        for fault in faults:
            seen = [await one(lab, stream, FAULTS[fault], bound_s) for _ in range(runs)]
            rows.append(row(name, fault, seen))
            print(line(rows[-1]), flush=True)
        return rows


def row(name: str, fault: str, seen: list[Outage]) -> Row:
    well = [each for each in seen if each.broken_ms is not None]
    gaps = sorted(each.gap_ms for each in well)
    return Row(
        name,
        fault,
        len(seen),
        _rounded(statistics.median(gaps)) if gaps else None,
        _rounded(gaps[min(int(len(gaps) * 0.99), len(gaps) - 1)]) if gaps else None,
        _rounded(gaps[-1]) if gaps else None,
        _rounded(statistics.median([each.broken_ms or 0.0 for each in well])) if well else None,
        statistics.median([each.lost for each in seen]),
        len(seen) - len(well),
    )


def _rounded(number: float) -> float:
    return round(number, 1)


HEAD = "who                   fault            runs   gap p50      p99      max  well p50   lost  never   (ms)"


def line(each: Row) -> str:
    numbers = (each.gap_median_ms, each.gap_p99_ms, each.gap_max_ms, each.well_median_ms)
    median, p99, most, well = ("-" if number is None else f"{number:.0f}" for number in numbers)
    return (
        f"{each.contestant:<22}{each.fault:<16}{each.runs:>5}{median:>10}{p99:>9}{most:>9}{well:>10}"
        f"{each.lost_median:>7.0f}{each.never:>7}"
    )


async def main(given: argparse.Namespace) -> None:
    faults = given.faults.split(",") if given.faults else list(FAULTS)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory(prefix="failover-", dir=given.folder) as at:
        rows = await measure(OURS, Path(at), given.runs, faults) if given.runs else []
        if given.peer_runs:
            more = await asyncio.gather(*(measure(peer, Path(at), given.peer_runs, faults) for peer in PEERS))
            rows += [each for found in more for each in found]
    result = {"load": os.getloadavg(), "cores": os.cpu_count(), "rows": to_builtins(rows)}
    Path("results").mkdir(exist_ok=True)
    Path("results/failover.json").write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(["", HEAD, *map(line, rows)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench-failover")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--peer-runs", type=int, default=2)
    parser.add_argument("--faults", default="", help=f"comma separated, of: {', '.join(FAULTS)}")
    parser.add_argument("--folder", default=None, help="where scratch files go")
    sys.exit(asyncio.run(main(parser.parse_args())))
