"""A simulated week of the active wired uplink: 2 % random loss, and silence of up to 100 ms about once a minute.

`python -m tests.firmware.failover.week --seed 7 --days 7` prints what was lived through and how long that took; status
1 where the machine would have left the uplink. Twenty probes a second are twelve million a week, so between two losses
the machine leaps: `leap` is what stepping through clean probes does (test_week.py holds it to that); each loss, and
all that comes of it, is stepped through one by one.
"""

import argparse
import math
import random
import sys
import time

from msgspec import Struct
from msgspec.structs import replace

from firmware.config import FailoverPolicy
from firmware.failover import estimate
from firmware.failover import health as strikes
from firmware.failover.health import Answered, Carrier, Health, Paced, Sent, Tick
from firmware.failover.pace import pace

DAY_S = 86_400.0
LOSS, BURST_EVERY_S, BURST_S = 0.02, 60.0, (0.01, 0.1)
RTT_MS, JITTER_MS = 24.0, 2.0
SENT, TICK = Sent(), Tick()


class Lived(Struct, frozen=True):
    """What a stretch of time was made of; `left` says when and why the machine would have left the uplink."""

    seed: int
    days: float
    probes: int
    lost: int
    bursts: int
    doubts: int
    left: str


def begun() -> Health:
    """The active wired uplink at its real pace, well since ten seconds."""
    paced = Paced(pace(FailoverPolicy(), "ethernet", "active"))
    health = strikes.happened(strikes.happened(Health(), paced, 0.0), Carrier(True), 0.0)
    for number in range(200):
        now = number * 0.05
        health = strikes.happened(health, SENT, now)
        health = strikes.happened(health, Answered(now, RTT_MS, RTT_MS / 2), now + RTT_MS / 1000)
    return health


def clean(health: Health) -> bool:
    """Nothing is on its way or open: clean probes then change only clocks and counts."""
    return not (health.pending or health.misses or health.confirm or health.score) and health.state == "up"


def leap(health: Health, probes: int) -> Health:
    """After that many clean probes at the pace."""
    by = probes * health.pace.interval_ms / 1000
    return replace(
        health,
        sent_at=health.sent_at + by,
        proof_at=health.proof_at + by,
        good=health.good + probes,
        slow=health.slow - probes,
        window=health.window << min(probes, estimate.WINDOW) & estimate.MASK,
        seen=min(health.seen + probes, estimate.WINDOW),
    )


class Line:
    """A wired line that loses at random, and now and then everything for a moment."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bursts = -1
        self.certain = False
        self._next_burst(0.0)

    def _next_burst(self, now: float) -> None:
        self.begins = now + self.chance.expovariate(1 / BURST_EVERY_S)
        self.ends = self.begins + self.chance.uniform(*BURST_S)
        self.bursts += 1

    def loses(self, now: float) -> bool:
        while now > self.ends:
            self._next_burst(self.ends)
        lost = self.certain or now >= self.begins or self.chance.random() < LOSS
        self.certain = False
        return lost

    def clean_probes(self, at_most: int) -> int:
        """How many probes come through before the next that is lost at random (geometric), which is then certain."""
        drawn = int(math.log(1 - self.chance.random()) / math.log(1 - LOSS))
        self.certain = drawn <= at_most
        return min(drawn, at_most)


class Life:
    """One uplink, its line and its clock."""

    def __init__(self, seed: int) -> None:
        self.line, self.health = Line(seed), begun()
        self.air: list[tuple[float, Answered]] = []
        self.now = self.health.sent_at
        self.probes = self.lost = self.doubts = 0

    def turn(self) -> None:
        """To the next thing that happens."""
        if not self.air and clean(self.health):
            self._leap()
        before, due = self.health.misses, strikes.due_at(self.health)
        if self.air and self.air[0][0] <= due:
            self.now, answer = self.air.pop(0)
            self.health = strikes.happened(self.health, answer, self.now)
        else:
            self.now = due
            self._probe() if strikes.probe_at(self.health) <= due else self._wait()
        self.doubts += self.health.misses > 0 and before == 0

    def _probe(self) -> None:
        self.health = strikes.happened(self.health, SENT, self.now)
        self.probes += 1
        if self.line.loses(self.now):
            self.lost += 1
        else:
            rtt_ms = RTT_MS + self.line.chance.uniform(-JITTER_MS, JITTER_MS)
            self.air.append((self.now + rtt_ms / 1000, Answered(self.now, rtt_ms, rtt_ms / 2)))

    def _wait(self) -> None:
        self.health = strikes.happened(self.health, TICK, self.now)

    def _leap(self) -> None:
        """To just before the next probe that may be lost: by chance or in the next burst."""
        to_burst = int((self.line.begins - self.health.sent_at) / (self.health.pace.interval_ms / 1000)) - 1
        probes = self.line.clean_probes(to_burst) if to_burst > 0 else 0
        if probes > 0:
            self.probes += probes
            self.health = leap(self.health, probes)


def lived(seed: int, days: float) -> Lived:
    """So many days, or until the machine would leave the uplink."""
    life, left = Life(seed), ""
    while life.now < days * DAY_S and not left:
        life.turn()
        if life.health.state == "down" or life.health.poor:
            left = f"left at {life.now:.3f} s: {life.health.reason}"
    return Lived(seed, days, life.probes, life.lost, life.line.bursts, life.doubts, left)


def main() -> int:
    parser = argparse.ArgumentParser(prog="week")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--days", type=float, default=7.0)
    given = parser.parse_args()
    began = time.process_time()
    found = lived(given.seed, given.days)
    took = f"{time.process_time() - began:.1f} s of CPU"
    print(
        f"seed {found.seed}: {found.days:g} days, {found.probes:,} probes, {found.lost:,} lost, "
        f"{found.bursts:,} bursts, {found.doubts:,} doubts; {found.left or 'never left'}; {took}"
    )
    return int(bool(found.left))


if __name__ == "__main__":
    sys.exit(main())
