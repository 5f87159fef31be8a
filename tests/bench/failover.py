"""How long traffic to the hub stops when an uplink fails: our unit, NetworkManager alone, and a mwan3-like tracker.

`make bench-failover` (ARGS="--runs 20 --who unit --faults blackhole"). A stream of datagrams (100 a second for our
unit, 50 for the others) goes both ways through the data tunnel. Every network has the same links, wired and LTE; each
contestant has some of them, between which its runs are divided. The peers come after our unit, both at once. Prints a
table, writes results/failover.json. 20 runs take about half an hour.
The fail-back holds of our unit are cut to one second here, so that runs follow each other; what is measured does not
depend on them.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import to_builtins

from hw.cables.faults import Fault
from tests.bench.failover_contestants import OURS, PEERS, Contestant
from tests.bench.failover_faults import FAULTS
from tests.bench.failover_lab import Lab
from tests.bench.failover_rows import HEAD, Row, line, row
from tests.bench.failover_stream import Outage, Stream

WELL_S, BACK_BOUND_S, ATTEMPTS = 0.6, 120.0, 3
Work = asyncio.Queue[str]
Found = dict[str, list[Outage]]


async def one(who: Contestant, lab: Lab, stream: Stream, fault: str) -> Outage:
    """One fault, until traffic flows again or the bound is over; then all is healed and the unit back on wired."""
    lab.marked_at = began = time.monotonic()
    await FAULTS[fault](lab)
    recovered = await stream.well(max(began, lab.marked_at), WELL_S, who.bound_s)
    seen = stream.outage(lab.marked_at, time.monotonic() - 0.2)
    for name in ("wired", "lte"):
        await lab.set(name, Fault())
    await who.renew(lab)
    await back(lab, stream)
    return seen if recovered else seen._replace(broken_ms=None)


async def back(lab: Lab, stream: Stream) -> None:
    ends = time.monotonic() + BACK_BOUND_S
    while await lab.active() != "wired" or not await lab.flowing("wired"):
        if time.monotonic() > ends:
            raise TimeoutError(f"{lab.folder.name}: not back on wired in {BACK_BOUND_S:g} s: {await lab.routes()}")
        await asyncio.sleep(0.1)
    await stream.well(time.monotonic(), 1.5, BACK_BOUND_S)
    stream.forget()


async def lab_works(who: Contestant, folder: Path, prefix: str, work: Work, found: Found) -> None:
    """One network: takes runs from `work` until there are none left."""
    async with AsyncExitStack() as stack:
        lab = await who.make(stack, folder, prefix)
        stream = Stream(lab.names.unit, lab.names.hub, who.every_s)
        stack.push_async_callback(stream.close)
        await back(lab, stream)
        while not work.empty():
            fault = work.get_nowait()
            try:
                found[fault].append(await one(who, lab, stream, fault))
            except TimeoutError:
                work.put_nowait(fault)
                raise


async def always_a_lab(who: Contestant, folder: Path, prefix: str, work: Work, found: Found) -> None:
    """A network that does not come back is replaced by a new one, and says so; TimeoutError after ATTEMPTS."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await lab_works(who, folder, prefix, work, found)
            break
        except TimeoutError as error:
            print(f"{who.name}: {error}; attempt {attempt} of {ATTEMPTS}", file=sys.stderr, flush=True)
            if attempt == ATTEMPTS:
                raise


async def measure(who: Contestant, folder: Path, runs: int, faults: Sequence[str]) -> list[Row]:
    """Every fault, `runs` times."""
    work, found = Work(), Found({fault: [] for fault in faults})
    for fault in faults:
        for _ in range(runs):
            work.put_nowait(fault)
    labs = range(min(who.labs, runs))
    async with asyncio.TaskGroup() as group:
        for number in labs:
            prefix = f"{who.name[0].lower()}{number}-"
            group.create_task(always_a_lab(who, folder / prefix, prefix, work, found))
    rows = [row(who.name, fault, seen) for fault, seen in found.items()]
    print("\n".join(line(each, who.bound_s) for each in rows), flush=True)
    return rows


async def main(given: argparse.Namespace) -> None:
    faults = given.faults.split(",") if given.faults else list(FAULTS)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n{HEAD}", flush=True)
    began, rows = time.monotonic(), list[Row]()
    with tempfile.TemporaryDirectory(prefix="failover-", dir=given.folder) as at:
        for together in ([OURS], PEERS):
            asked = [who for who in together if given.who in who.name]
            more = await asyncio.gather(*(measure(who, Path(at), given.runs, faults) for who in asked))
            rows += [each for found in more for each in found]
    took_s = round(time.monotonic() - began)
    print(f"{given.runs} runs of each in {took_s} s")
    result = {"load": os.getloadavg(), "cores": os.cpu_count(), "took_s": took_s, "rows": to_builtins(rows)}
    Path("results").mkdir(exist_ok=True)
    Path("results/failover.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench-failover")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--who", default="", help="part of the name of the only contestant(s)")
    parser.add_argument("--faults", default="", help=f"comma separated, of: {', '.join(FAULTS)}")
    parser.add_argument("--folder", default=None, help="where scratch files go")
    sys.exit(asyncio.run(main(parser.parse_args())))
