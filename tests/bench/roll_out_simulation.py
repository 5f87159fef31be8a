"""A fleet that takes a roll-out: each unit decides by `firmware.release.policy`, IT by `hub.fleet`. Time is a number.

Units poll with jitter, are off shift at some hours, take five minutes to install and a minute to prove themselves or go
back. IT signs the next step whenever the last has settled, and the guard (`hub.fleet.stop_reason`) looks every minute.
"""

import heapq
import random
from collections.abc import Iterator
from itertools import count

import msgspec

from firmware.release.policy import Situation, decide, poll_delay_s
from firmware.release.rollout import Ring, RollOut, Window
from hub import fleet
from hub.fleet import UnitRun

INSTALL_S, GUARD_S, POLL_S, DAY_S = 360.0, 60.0, 1_800.0, 86_400.0
SHIFT_H = 10.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended. `tried` is by ring; `in_flight` how many were already booting the release when it was stopped."""

    stopped: str
    stopped_after_h: float
    tried: dict[Ring, int]
    failed: int
    failed_when_stopped: int
    tried_when_stopped: int
    in_flight: int
    units: int


def ring_of(number: int, units: int) -> Ring:
    """5 % canaries, 20 % early, the rest."""
    return "canary" if number < units * 0.05 else "early" if number < units * 0.25 else "all"


def simulate(units: int, failing: float, seed: int, days: float = 14) -> Outcome:
    """One roll-out of 1.1 over `units` that run 1.0, of which the fraction `failing` will go back."""
    return _Fleet(units, failing, random.Random(seed)).run(days * DAY_S)


class _Fleet:
    def __init__(self, units: int, failing: float, chance: random.Random) -> None:
        self.chance, self.order = chance, count()
        names = [f"hdu-{number:05}" for number in range(units)]
        self.runs = {
            name: UnitRun(unit=name, ring=ring_of(number, units), version="1.0", proven=True, seen_s=0.0)
            for number, name in enumerate(names)
        }
        self.bad = {name for name in names if chance.random() < failing}
        self.shift = {name: chance.uniform(0, 24) for name in names}
        self.roll_out = RollOut(
            id="hdu-1.1", target="bundles/x", version="1.1", percent={"canary": 100}, window=Window(0, 24)
        )
        self.halted: frozenset[str] = frozenset()
        self.flying: set[str] = set()
        self.left, self.news = units, True
        self.events: list[tuple[float, int, str, str]] = []
        self.stop = ("", 0.0, 0, 0, 0)

    def run(self, until_s: float) -> Outcome:
        for name in self.runs:
            self._at(self.chance.uniform(0, POLL_S), "poll", name)
        self._at(GUARD_S, "guard", "")
        for now_s, what, name in self._due(until_s):
            {"poll": self._poll, "booted": self._booted, "guard": self._guard}[what](now_s, name)
        return self._outcome()

    def _due(self, until_s: float) -> Iterator[tuple[float, str, str]]:
        while self.events and self.events[0][0] <= until_s and self.left:
            now_s, _, what, name = heapq.heappop(self.events)
            yield now_s, what, name
            if self.halted:  # long enough for all that could still slip through, then the end
                until_s = min(until_s, self.stop[1] + 2 * POLL_S + INSTALL_S)

    def _at(self, at_s: float, what: str, name: str) -> None:
        heapq.heappush(self.events, (at_s, next(self.order), what, name))

    def _poll(self, now_s: float, name: str) -> None:
        """The unit looks, decides with what it then knows, and looks again later."""
        run, hour = self.runs[name], now_s % DAY_S / 3_600
        busy = (hour - self.shift[name]) % 24 < SHIFT_H
        here = Situation(
            unit=name,
            ring=run.ring,
            booted=run.version,
            on_shift=busy,
            in_call=False,
            on_mains=True,
            over_lte=False,
            refused=frozenset(filter(None, (run.failed_version,))),
            halted=self.halted,
        )
        if decide((self.roll_out,), here, now_s).action == "install":
            self.flying.add(name)
            self._at(now_s + INSTALL_S, "booted", name)
        else:
            self._at(now_s + poll_delay_s(POLL_S, self.chance.random()), "poll", name)

    def _booted(self, now_s: float, name: str) -> None:
        self.flying.discard(name)
        self.left, self.news = self.left - 1, True
        change = {"failed_version": "1.1", "failed": "panel did not answer"} if name in self.bad else {"version": "1.1"}
        self.runs[name] = msgspec.structs.replace(self.runs[name], **change)
        self._at(now_s + poll_delay_s(POLL_S, self.chance.random()), "poll", name)

    def _guard(self, now_s: float, _name: str) -> None:
        if self.halted:
            return
        self._at(now_s + GUARD_S, "guard", "")
        if not self.news:
            return
        self.news = False
        heard = [msgspec.structs.replace(run, seen_s=now_s) for run in self.runs.values()]
        found = fleet.progress(heard, self.roll_out, now_s)
        reason = fleet.stop_reason(found, self.roll_out)
        if reason:
            self.halted = frozenset({self.roll_out.id})
            failed, tried = sum(each.failed for each in found), sum(each.tried for each in found)
            self.stop = (reason, now_s, failed, tried, len(self.flying))
        elif step := fleet.next_step(found, self.roll_out):
            self.roll_out, self.news = msgspec.structs.replace(self.roll_out, percent=step), True

    def _outcome(self) -> Outcome:
        tried: dict[Ring, int] = {"canary": 0, "early": 0, "all": 0}
        failed = 0
        for run in self.runs.values():
            tried[run.ring] += run.version == "1.1" or run.failed_version == "1.1"
            failed += run.failed_version == "1.1"
        reason, at_s, then, tried_then, flying = self.stop
        return Outcome(
            stopped=reason,
            stopped_after_h=at_s / 3_600,
            tried=tried,
            failed=failed,
            failed_when_stopped=then,
            tried_when_stopped=tried_then,
            in_flight=flying,
            units=len(self.runs),
        )
