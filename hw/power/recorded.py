"""Five batteries: discharge curves of different shapes, as the twin records them; their parameters are hidden."""

from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from hw.power.pack import LEAD, LFP, Pack

FIVE: dict[str, Pack] = {
    "new lithium-ion": Pack(capacity_wh=36.0, resistance_ohm=0.09),
    "aged lithium-ion": Pack(
        capacity_wh=21.0, resistance_ohm=0.34, gauge=((0, 0), (0.1, 0.16), (0.4, 0.5), (0.8, 0.88), (1, 1))
    ),
    "lithium iron phosphate": Pack(curve=LFP, capacity_wh=40.0, resistance_ohm=0.06, cutoff_v=5.2, load_w=11.0),
    "lead-acid": Pack(
        curve=LEAD, cells=6, capacity_wh=60.0, resistance_ohm=0.05, cutoff_v=10.8, load_w=10.0, loss_at_rate=0.8
    ),
    "gauge by voltage": Pack(
        capacity_wh=30.0, resistance_ohm=0.15, gauge=((0, 0), (0.1, 0.3), (0.5, 0.52), (0.7, 0.76), (0.9, 0.93), (1, 1))
    ),
}
RATED: dict[str, tuple[float, float, float]] = {  # what the label says: Wh, full V, empty V
    "new lithium-ion": (38.0, 8.3, 6.0),
    "aged lithium-ion": (38.0, 8.3, 6.0),
    "lithium iron phosphate": (42.0, 6.8, 5.2),
    "lead-acid": (70.0, 12.7, 10.8),
    "gauge by voltage": (33.0, 8.3, 6.0),
}
Said = tuple[float, float, float, float, float]  # seconds, percent, volts, amperes, true minutes left


def discharge(pack: Pack, dice: Random, step_s: float = 10.0) -> Iterator[Said]:
    """What a gauge says of `pack` until it is dead: a whole percent, 5 mV and 1 % of noise; and the truth beside it."""
    passed: list[Pack] = []
    while not pack.dead:
        passed.append(pack)
        pack = pack.discharge(step_s)
    for index, each in enumerate(passed):
        volts = each.voltage_v(each.load_w)
        yield (
            index * step_s,
            float(round(min(100.0, max(0.0, each.percent + dice.gauss(0, 0.3))))),
            volts + dice.gauss(0, 0.005),
            each.load_w / volts * dice.gauss(1, 0.01),
            (len(passed) - index) * step_s / 60,
        )


def another_day(pack: Pack, dice: Random) -> Pack:
    """The same battery, later: another load, a little warmer or colder, not always charged to the brim."""
    return replace(
        pack,
        load_w=pack.load_w * dice.uniform(0.75, 1.3),
        resistance_ohm=pack.resistance_ohm * dice.uniform(0.9, 1.2),
        capacity_wh=pack.capacity_wh * dice.uniform(0.97, 1.0),
        charge=dice.uniform(0.9, 1.0),
    )
