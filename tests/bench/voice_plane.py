"""Measures the voice plane: 50 packets a second both ways through each fault, a call on, many runs.

    bench/machine/enter ROOT .venv/bin/python -m tests.bench.voice_plane --runs 20

Prints a table and writes results/voice_plane.json; status 1 where a goal is missed. With `--faults` only those are
measured and the rows of the others stay, so a long bench can be run in parts. Goals: none lost, none twice,
longest gap 70 ms (`within` counts the runs that keep it). `late` are those of `lost` that came after over a second;
`pause` is the sender's own longest pause, `stall` that of a process that only sleeps (a virtual machine is stopped by
its host now and then): a gap not longer than these was made by this machine, which also runs the eight tunnel
processes; so see `none` and the load beside it.
On a unit WireGuard is the kernel's own and waits for no
process; where the machine allows it the bench is therefore started with real-time scheduling (`make bench-voice`).
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from firmware.failover.tunnels import VOICE
from hw.cables import namespace
from hw.cables.faults import Fault
from hw.cables.voice_stream import Tally, VoiceStream
from tests.bench.stalls import Stalls
from tests.hw.cables.ground import Ground

PORT = 16_384
GOAL_GAP_MS = 70.0
BEFORE_S, DURING_S, AFTER_S = 0.5, 2.0, 1.0
FILE = Path("results/voice_plane.json")
COLUMNS = (
    ("runs", "runs"),
    *(("sent", "sent"), ("lost", "lost"), ("late", "late"), ("twice", "duplicated"), ("gap ms", "longest_gap_ms")),
    *(("median", "median_gap_ms"), ("pause ms", "longest_pause_ms"), ("stall ms", "longest_stall_ms")),
    *(("within", "within_goal"), ("load", "load")),
)
Act = Callable[[Ground], Awaitable[None]]


async def _hold(ground: Ground, fault: Fault) -> None:
    await _put(ground, fault)
    await asyncio.sleep(DURING_S)
    await _put(ground, Fault())


async def _put(ground: Ground, fault: Fault) -> None:
    """Off the loop that sends: the kernel's one lock for links (rtnl) may be held for long by somebody else."""
    await asyncio.to_thread(ground.routers["wired"].set, fault)


async def flapping(ground: Ground) -> None:
    for cable in (False, True) * 5:
        await _put(ground, Fault(cable=cable))
        await asyncio.sleep(0.2)


async def manager_killed(ground: Ground) -> None:
    await ground.kill("NetworkManager")
    await asyncio.sleep(0.5)
    await ground.restart("NetworkManager")
    await asyncio.sleep(DURING_S)


FAULTS: dict[str, Act] = {
    "none": lambda _: asyncio.sleep(DURING_S),
    "cable out": lambda ground: _hold(ground, Fault(cable=False)),
    "blackhole": lambda ground: _hold(ground, Fault(blackhole="both")),
    "blackhole up": lambda ground: _hold(ground, Fault(blackhole="up")),
    "blackhole down": lambda ground: _hold(ground, Fault(blackhole="down")),
    "loss 30 %": lambda ground: _hold(ground, Fault(loss=0.3)),
    "flapping": flapping,
    "NetworkManager kill -9": manager_killed,
}


def stream(ground: Ground) -> VoiceStream:
    unit, hub = (VOICE.unit(1), PORT), (VOICE.hub(), PORT)
    sockets = namespace.udp_socket(ground.names.unit, unit), namespace.udp_socket(ground.names.hub, hub)
    return VoiceStream(*sockets, hub, unit)


async def warm_up(ground: Ground, bound_s: float = 30.0) -> None:
    """Until packets flow both ways over both tunnels: handshakes are done before anything is counted."""
    ends = time.monotonic() + bound_s
    while time.monotonic() < ends:
        voice = stream(ground)
        await voice.run(0.5)
        voice.close()
        if voice.up.received > 20 and voice.down.received > 20 and await _copied(ground):
            return
    raise SystemExit("voice plane: the tunnels do not carry voice; see their logs")


async def _copied(ground: Ground) -> bool:
    return "10.81." in await ground.hub("nft", "list", "set", "ip", "voice", "copying")


async def one(ground: Ground, stalls: Stalls, act: Act) -> dict[str, dict[str, float]]:
    voice, began = stream(ground), time.time()
    await stalls.longest_ms()
    running = asyncio.create_task(voice.run())
    await asyncio.sleep(BEFORE_S)
    await act(ground)
    await asyncio.sleep(AFTER_S)
    running.cancel()
    stall_ms = await stalls.longest_ms()
    await voice.settle()
    voice.close()
    machine = {"longest_stall_ms": stall_ms, "load": round(os.getloadavg()[0], 1)}
    return {"up": direction(voice.up, began), "down": direction(voice.down, began), "machine": machine}


def direction(tally: Tally, began: float) -> dict[str, float]:
    """One direction; `gap_at_s` is when its longest gap began (the fault comes at BEFORE_S)."""
    found = tally.summary(tally.last_arrival or time.time())
    return {**found, "gap_at_s": round((tally.gap_began or began) - began, 3)}


async def measure(runs: int, faults: list[str], lte_delay_s: float) -> dict[str, list[dict[str, dict[str, float]]]]:
    with tempfile.TemporaryDirectory() as folder:
        async with Ground(Path(folder)) as ground, ground.delayed("lte", lte_delay_s):
            await ground.python("pinning", "-m", "tests.bench.pinning")
            await ground.unit_routes(2, "101")
            await warm_up(ground)
            stalls = Stalls()
            await stalls.start()
            try:
                return {name: [await one(ground, stalls, FAULTS[name]) for _ in range(runs)] for name in faults}
            finally:
                await stalls.close()


def row(runs: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """All runs and both directions of one fault in one line."""
    all_of = [run[way] for run in runs for way in ("up", "down")]
    return {
        "runs": len(runs),
        "load": max(run["machine"].get("load", math.nan) for run in runs),
        "sent": sum(each["sent"] for each in all_of),
        "lost": sum(each["lost"] for each in all_of),
        "late": sum(each["late"] for each in all_of),
        "duplicated": sum(each["duplicated"] for each in all_of),
        "longest_gap_ms": max(each["longest_gap_ms"] for each in all_of),
        "median_gap_ms": statistics.median(each["longest_gap_ms"] for each in all_of),
        "longest_pause_ms": max(each["sender_pause_ms"] for each in all_of),
        "longest_stall_ms": max(run["machine"]["longest_stall_ms"] for run in runs),
        "within_goal": sum(max(run[way]["longest_gap_ms"] for way in ("up", "down")) <= GOAL_GAP_MS for run in runs),
    }


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    """A line a fault."""
    head = f"{'':24}" + "".join(f"{title:>9}" for title, _ in COLUMNS)
    return [head, *(f"{name:24}" + "".join(f"{each[key]:9g}" for _, key in COLUMNS) for name, each in rows.items())]


def scheduling() -> str:
    """How this process, and so all it started, is scheduled."""
    first = os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO)
    return "real-time scheduling" if first else "scheduled like everything else: its stalls are in the gaps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--lte-delay-ms", type=float, default=0.0, help="each way, by a delay line in this process")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS))
    given = parser.parse_args()
    known = json.loads(FILE.read_text())["each"] if len(given.faults) < len(FAULTS) and FILE.exists() else {}
    measured = asyncio.run(measure(given.runs, given.faults, given.lte_delay_ms / 1000))
    each = {name: {**known, **measured}[name] for name in FAULTS if name in known or name in measured}
    rows = {name: row(runs) for name, runs in each.items()}
    print("\n".join(table(rows)))
    print(f"load of this machine: {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors; {scheduling()}")
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"goal_gap_ms": GOAL_GAP_MS, "rows": rows, "each": each}, indent=1))
    sys.exit(any(each["lost"] or each["duplicated"] or each["longest_gap_ms"] > GOAL_GAP_MS for each in rows.values()))


if __name__ == "__main__":
    main()
