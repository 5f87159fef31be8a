"""Surveys of homes that do not exist: a good one of 26 hours with one outage and one loss of mains, and its changes."""

import math
import random
from pathlib import Path

import msgspec
from msgspec.structs import replace

from firmware.facts import UplinkState
from hdu.survey.record import Recording, Writer, read
from hdu.survey.sampling import Begin, Entry, Event, Line, Sample

HOUR_S, BEGAN = 3600.0, 1_763_740_800.0
LENGTH_S = 26 * HOUR_S
EVERY_S = 180.0
OUT, DARK = (9 * HOUR_S, 9 * HOUR_S + 190), (15 * HOUR_S, 15.4 * HOUR_S)


def home(seed: int = 4) -> list[Entry]:
    """Two lines, busier in the evening; wired is down for 190 s, mains away for 24 minutes."""
    dice, found = random.Random(seed), list[Entry]()
    found.append(Begin(unit="hdu-0117", version="0.1.0", at=BEGAN, length_s=LENGTH_S, every_s=EVERY_S))
    found += [Event(at=BEGAN, what=what, now=now) for what, now in (("wired", "up"), ("lte", "up"))]
    found += [Event(at=BEGAN, what=what, now=now) for what, now in (("hub", "yes"), ("mains", "mains"))]
    for number in range(1, round(LENGTH_S / EVERY_S) + 1):
        found.append(_sample(number * EVERY_S, dice))
    changes = [Event(at=BEGAN + OUT[0], what="wired", now="down"), Event(at=BEGAN + OUT[1], what="wired", now="up")]
    changes += [
        Event(at=BEGAN + DARK[0], what="mains", now="battery"),
        Event(at=BEGAN + DARK[1], what="mains", now="mains"),
    ]
    return sorted([*found, *changes], key=lambda entry: entry.at)


def _sample(since_s: float, dice: random.Random) -> Sample:
    busy = max(0.0, math.sin((since_s / HOUR_S - 10) / 12 * math.pi))
    state: UplinkState = "down" if OUT[0] < since_s < OUT[1] else "up"
    wired, lte = 14 + 9 * busy + abs(dice.gauss(0, 2 + 3 * busy)), 48 + 20 * busy + abs(dice.gauss(0, 9))
    dark_s = min(max(0.0, since_s - DARK[0]), DARK[1] - DARK[0]) if since_s < DARK[1] else 0.0
    return Sample(
        at=BEGAN + since_s,
        covers_s=EVERY_S,
        lines=(line("wired", wired, state), replace(line("lte", lte, "up"), kind="lte", active=state == "down")),
        two_kinds=state == "up",
        signal_dbm=round(-84 + dice.gauss(0, 2), 1),
        minutes_left=round(190 - dark_s / 60, 1),
        clock_ms=round(3 + abs(dice.gauss(0, 1)), 2),
        noise_dbfs=round(-58 + 6 * busy + dice.gauss(0, 1), 1),
    )


def line(name: str, rtt_ms: float, state: UplinkState = "up", loss: float = 1e-5) -> Line:
    down = state == "down"
    return Line(
        name=name,
        kind="ethernet",
        active=not down,
        rtt_ms=None if down else round(rtt_ms, 2),
        rtt_max_ms=None if down else round(1.2 * rtt_ms, 2),
        jitter_ms=None if down else round(rtt_ms / 8, 2),
        loss=None if down else loss,
    )


def written(file: Path, entries: list[Entry]) -> Recording:
    """As the survey would have written it, and read back."""
    writer = Writer(file)
    writer.add(*entries)
    writer.close()
    return read(file)


if __name__ == "__main__":  # `python -m tests.hdu.survey.home FILE`, to look at a report
    import sys

    Path(sys.argv[1]).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in home()))
