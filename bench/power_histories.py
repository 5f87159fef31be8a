"""Random power histories through all of power that decides: is a call ever cut early, a clean stop ever missed?

`python -m bench.power_histories [COUNT] [SEED]` prints what happened and ends with 1 where a promise was broken.
"""

import json
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from random import Random

from bench.power_minutes import rating, taught
from firmware.config import PowerPolicy
from firmware.supply import core as power_core
from firmware.supply import minutes
from firmware.supply.battery import Battery
from hw.power.outage import Outage, outage
from hw.power.recorded import FIVE

LIMITS = PowerPolicy()
STOPPED_S = 5.0  # from the power-off command to disks at rest
NOT_LEARNED = "not a clean stop: a call was up and nobody has ever tested this battery"
SHORTEST_S = 60.0  # who has less than this from the loss of mains to the end cannot stop in order


@cache
def known(name: str, learned: bool) -> Battery:
    return taught(name, Random(name)) if learned else rating(name)


def pace_s(core: power_core.Core, around: Outage) -> float:
    """Time to the next reading: short where it is about seconds."""
    if around.mains and core.mains.told is True:
        return min(60.0, around.next_event_s() + 0.05)
    if core.mains.told != core.mains.seen:
        return 0.25
    left = core.known.at_least
    likely = core.known.left
    calm = 1.0 if core.policy.stage == "grace" or (likely is not None and likely < 4) else 5.0
    far = 60.0 if left is not None and left > 40 else 20.0
    return max(0.05, min(calm if left is None or left < 8 else far, around.next_event_s() + 0.05))


def before(battery: Battery, around: Outage, dice: Random) -> power_core.Core:
    """What the unit remembers of the last time the battery was full: whether its voltage was right then."""
    full = around.charged(dice)
    seen = minutes.step(minutes.Estimate(), battery, full.percent, full.voltage_v, full.current_a, False, -3600.0)
    return power_core.Core(estimate=minutes.Estimate(voltage_right=seen.voltage_right))


def play(seed: str) -> Counter[str]:
    """One history; what it came to, as counts. A key that begins with BROKEN is a broken promise."""
    dice = Random(seed)
    name = dice.choice(list(FIVE))
    learned = dice.random() < 0.8
    battery, around = known(name, learned), outage([FIVE[name]], dice)
    core, counts = before(battery, around, dice), Counter[str]({"honest" if around.honest else "lying": 1})
    handing_since: float | None = None
    while around.now < 10_800:
        transferred = None
        if handing_since is not None and around.transfer_s is not None:
            transferred = True if around.now - handing_since >= around.transfer_s else None
        if transferred and around.in_call:
            around.in_call, counts["calls handed over"] = False, counts["calls handed over"] + 1
        around.busy_at = around.now if around.in_call else around.busy_at
        call = around.in_call if around.call_known else None
        core, actions = power_core.advance(
            core, battery, around.said(dice), power_core.Around(call=call, transferred=transferred), LIMITS, around.now
        )
        if "hand-over" in actions:
            handing_since = around.now
        if core.policy.stage == "grace" and around.returns_in_grace and not around.mains:
            around.flips, around.returns_in_grace = [around.now + dice.uniform(0, 4.4)], False
            counts["mains back in the grace"] += 1
        if "power-off" in actions:
            return counts + _stopped(around, learned)
        if around.dead:
            return counts + _died(around, learned, around.now - around.lost_at)
        around.pass_time(pace_s(core, around))
    counts["lived on"] += 1
    return counts


def busy(around: Outage) -> bool:
    """Whether a call was up, or nobody knew, within the last minute."""
    return around.in_call or not around.call_known or around.now - around.busy_at < 60


def _stopped(around: Outage, learned: bool) -> Counter[str]:
    found, left = Counter({"clean stops": 1}), around.pack.minutes_left(1.0, 10.0 if around.in_call else 0.2)
    if around.in_call:
        found["calls cut in the last minute"] += 1
        if left > 1:
            found[f"BROKEN: a call was cut early ({left:.1f} minutes left)"] += 1
    if around.mains:
        found["BROKEN: stopped although mains is there"] += 1
    if around.honest and left * 60 < STOPPED_S and around.now - around.lost_at >= SHORTEST_S:
        found[NOT_LEARNED if not learned and busy(around) else "BROKEN: too late for a clean stop"] += 1
    return found


def _died(around: Outage, learned: bool, battery_s: float) -> Counter[str]:
    if not around.honest:
        return Counter({"died under a lie or a fault": 1})
    if battery_s < SHORTEST_S:
        return Counter({"died within a minute of the loss": 1})
    if not learned and busy(around):
        return Counter({NOT_LEARNED: 1})
    return Counter({f"BROKEN: a clean stop was missed ({'learned' if learned else 'not learned'})": 1})


def batch(first: int, count: int, seed: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for index in range(first, first + count):
        found = play(f"{seed}/{index}")
        broken = [key for key in found if key.startswith("BROKEN")]
        if broken:
            print(f"history {seed}/{index}: {', '.join(broken)}")
        total += found
    return total


def run(count: int, seed: int, processes: int = 1) -> Counter[str]:
    """`count` histories; the same seed gives the same ones."""
    if processes == 1:
        return batch(0, count, seed)
    size = -(-count // (processes * 8))
    starts = range(0, count, size)
    with ProcessPoolExecutor(processes) as pool:
        parts = pool.map(batch, starts, [min(size, count - each) for each in starts], [seed] * len(starts))
        return sum(parts, Counter())


def main(count: int, seed: int) -> int:
    found = run(count, seed, os.cpu_count() or 1)
    print(f"{count} power histories, seed {seed}")
    for key, number in sorted(found.items()):
        print(f"{number:>9}  {key}")
    broken = sum(number for key, number in found.items() if key.startswith("BROKEN"))
    print(f"{broken:>9}  promises broken")
    Path("results").mkdir(exist_ok=True)
    Path("results/power_histories.json").write_text(json.dumps({"count": count, "seed": seed, **found}, indent=1))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in (sys.argv[1:] + ["100000", "1"][len(sys.argv) - 1 :]))))
