"""What holding the hub costs while nothing happens: `make bench-uplinks` (ARGS="--seconds 180").

The uplinks service with three uplinks (`wired` carries the unit, `wired2` and `lte` stand by), all tunnels up, nobody
in a call. CPU is the scheduler's own count of nanoseconds (/proc/PID/schedstat), so short work is not missed; LTE bytes
are the counters of the unit's interface, scaled to a month of 31 days beside what the pace computes. A virtual cable is
Ethernet: the header and ARP that an LTE link has not are taken off. Prints both, writes results/uplinks_cost.json;
status 1 where a goal is missed.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct, to_builtins

from firmware.config import FailoverPolicy
from firmware.failover import budget
from hw.cables import namespace
from hw.cables.nft import Nft
from tests.bench.failover_contestants import idle_neighbours
from tests.bench.failover_lab import ALL_TUNNELS, Lab

GOAL_CPU_PERCENT, GOAL_LTE_MB = 1.5, 35.0
WARM_S = 25.0  # the first tunnel handshakes and the first, quick probes are not what a month is made of
COUNT = """add table inet measured
add counter inet measured heard
add counter inet measured sent
add chain inet measured in { type filter hook prerouting priority -400; }
add chain inet measured out { type filter hook postrouting priority 400; }
add rule inet measured in iifname "lte0" counter name heard
add rule inet measured out oifname "lte0" counter name sent
"""


class Cost(Struct, frozen=True):
    """`lte_wire_bytes` is what the interface counted, `lte_bytes` the same as IP (nftables), in `seconds`."""

    seconds: float
    cpu_percent: float
    cpu_ms: float
    lte_wire_bytes: int
    lte_bytes: int
    lte_month_mb: float
    lte_computed_mb: float
    load: float


def cpu_ms(pid: int) -> float:
    """Time on a core so far, of all threads (schedstat of the leader alone would miss some)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in tasks) / 1e6


def wire_bytes() -> int:
    """Both ways, of this thread's namespace (proc_net(5))."""
    (line,) = [each for each in Path("/proc/thread-self/net/dev").read_text().splitlines() if "lte0:" in each]
    numbers = line.split(":")[1].split()
    return int(numbers[0]) + int(numbers[8])


def ip_bytes(nft: Nft) -> int:
    """Both ways as nftables counted them, IP headers included."""
    listed = nft.run("list counters table inet measured").split()
    return sum(int(listed[place + 1]) for place, word in enumerate(listed) if word == "bytes")


async def measure(seconds: float, folder: Path) -> Cost:
    async with AsyncExitStack() as stack:
        lab = Lab(folder / "unit", prefix="c-", uplinks=("wired", "wired2", "lte"), tunnels=ALL_TUNNELS)
        await lab.start(stack)
        await idle_neighbours(lab)
        await lab.processes.start(lab.unit_program("uplinks"))
        nft = Nft(lab.names.unit)
        stack.callback(nft.close)
        nft.run(COUNT)
        await asyncio.sleep(WARM_S)
        return await over(seconds, lab, nft)


async def over(seconds: float, lab: Lab, nft: Nft) -> Cost:
    """The differences over so many seconds."""
    pid = lab.processes["uplinks"].pid
    if pid is None:
        raise SystemExit(f"bench-uplinks: the service is not running: {lab.processes['uplinks'].last_words()}")
    before = cpu_ms(pid), namespace.within(lab.names.unit, wire_bytes), ip_bytes(nft)
    await asyncio.sleep(seconds)
    spent = cpu_ms(pid) - before[0]
    sent = ip_bytes(nft) - before[2]
    return Cost(
        seconds=seconds,
        cpu_percent=round(spent / seconds / 10, 2),
        cpu_ms=round(spent, 1),
        lte_wire_bytes=namespace.within(lab.names.unit, wire_bytes) - before[1],
        lte_bytes=sent,
        lte_month_mb=round(sent / seconds * budget.MONTH_S / budget.MB, 1),
        lte_computed_mb=round(budget.idle_mb(FailoverPolicy().lte_ms), 1),
        load=round(os.getloadavg()[0], 2),
    )


def shown(cost: Cost) -> str:
    return (
        f"uplinks service, three uplinks, idle, {cost.seconds:g} s, load {cost.load}\n"
        f"CPU       {cost.cpu_percent:5} % of one core (goal {GOAL_CPU_PERCENT})\n"
        f"LTE month {cost.lte_month_mb:5} MB measured ({cost.lte_bytes} bytes of IP, {cost.lte_wire_bytes} on the wire)"
        f", {cost.lte_computed_mb} MB computed (goal {GOAL_LTE_MB:g})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench-uplinks")
    parser.add_argument("--seconds", type=float, default=180.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uplinks-") as at:
        cost = asyncio.run(measure(given.seconds, Path(at)))
    print(shown(cost))
    Path("results").mkdir(exist_ok=True)
    Path("results/uplinks_cost.json").write_text(json.dumps(to_builtins(cost), indent=1) + "\n")
    return int(cost.cpu_percent > GOAL_CPU_PERCENT or cost.lte_month_mb > GOAL_LTE_MB)


if __name__ == "__main__":
    sys.exit(main())
