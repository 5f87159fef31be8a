"""What the factory's acceptance leaves on a unit: its battery, tested once from charged to the floor."""

from pathlib import Path
from random import Random

from msgspec.structs import replace

from firmware.config import PowerPolicy
from firmware.supply import age, battery
from firmware.supply import memory as power_memory
from hw.power.pack import Pack
from hw.power.recorded import discharge

TESTED_AT = "2026-01-01T00:00:00.000Z"


def taught(pack: Pack, rating: battery.Battery, dice: Random) -> battery.Battery:
    """What one discharge of `pack`, watched down to the floor of the battery test, teaches."""
    samples, used = list[battery.Sample](), 0.0
    for at, percent, volts, amperes, _ in discharge(pack, dice):
        used += volts * amperes * 10 / 3600
        if not samples or percent <= samples[-1].percent - 1:
            samples.append(
                battery.Sample(at=at, percent=percent, voltage_v=volts, power_w=volts * amperes, used_wh=used)
            )
        if battery.at_floor(rating, percent, volts, PowerPolicy().test_floor_percent):
            break
    learned = battery.learn(rating, samples, pack.voltage_v(0.0), TESTED_AT)
    assert learned, f"nothing learned from {len(samples)} samples"
    return learned


def accept(data: Path, pack: Pack, rating: battery.Battery, at: str = TESTED_AT) -> None:
    """Puts the result of the acceptance test of a unit with `pack`, made `at`, where the power service keeps it."""
    known = replace(taught(replace(pack, charge=1.0), rating, Random(1)), learned_at=at)
    found = age.Tested(at=at, percent=round(100 * known.capacity_wh / rating.capacity_wh, 1))
    memory = power_memory.Memory(
        battery=known,
        tested_at=at,
        tested_minutes=round(60 * known.capacity_wh / known.load_w, 1),
        voltage_right=True,
        tests=(found,),
    )
    power_memory.keep(data / "power.json", memory)
