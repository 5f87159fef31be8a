"""How right are the minutes left? Five recorded batteries, one learning discharge each, then other days.

`python -m bench.power_minutes [SEED]` prints the median error and how often the bound held, and writes JSON.
"""

import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from firmware.config import PowerHardware
from firmware.supply import battery, minutes
from hw.power import factory
from hw.power.pack import Pack
from hw.power.recorded import FIVE, RATED, another_day, discharge

DAYS = 20


def rating(name: str) -> battery.Battery:
    capacity, full, empty = RATED[name]
    return battery.rated(PowerHardware(capacity_wh=capacity, full_v=full, empty_v=empty, load_w=9.0))


def taught(name: str, dice: Random) -> battery.Battery:
    """After one discharge watched down to the floor of the battery test."""
    return factory.taught(FIVE[name], rating(name), dice)


def day(known: battery.Battery, pack: Pack, dice: Random) -> Iterator[tuple[float, bool, float]]:
    """Relative error, whether the bound held, and true minutes, once a minute of one discharge."""
    state = minutes.Estimate()
    for at, percent, volts, amperes, true in discharge(pack, dice):
        state = minutes.step(state, known, percent, volts, amperes, True, at)
        said = minutes.minutes(state, known)
        if at % 60 == 0 and at > 0 and said.left is not None and said.at_least is not None and said.at_most is not None:
            yield abs(said.left - true) / true, said.at_least <= true <= said.at_most, true


def measure(name: str, seed: int, days: int = DAYS) -> dict[str, float]:
    dice = Random(f"{seed} {name}")
    known = taught(name, dice)
    played = [list(day(known, another_day(FIVE[name], dice), dice)) for _ in range(days)]
    errors = [statistics.median(error for error, _, _ in each) for each in played]
    all_of_it = [point for each in played for point in each]
    return {
        "median_error_percent": round(100 * statistics.median(error for error, _, _ in all_of_it), 1),
        "worst_day_median_percent": round(100 * max(errors), 1),
        "bound_held_percent": round(100 * statistics.mean(held for _, held, _ in all_of_it), 2),
        "minutes_compared": len(all_of_it),
    }


def main(seed: int) -> int:
    found = {name: measure(name, seed) for name in FIVE}
    print(f"minutes left, after one learning discharge, {DAYS} other days each, seed {seed}")
    print(f"{'battery':26}{'median error':>14}{'worst day':>12}{'bound held':>12}{'compared':>10}")
    for name, row in found.items():
        print(
            f"{name:26}{row['median_error_percent']:>12} %{row['worst_day_median_percent']:>10} %"
            f"{row['bound_held_percent']:>10} %{row['minutes_compared']:>10}"
        )
    Path("results").mkdir(exist_ok=True)
    Path("results/power_minutes.json").write_text(json.dumps({"seed": seed, "batteries": found}, indent=1))
    good = all(row["median_error_percent"] <= 10 and row["bound_held_percent"] == 100 for row in found.values())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
