"""Random outages: a pack, what its gauge says of it (often lies), mains that flickers, fails and returns, calls.

The truth stands beside what is said, so that decisions can be judged. Everything comes from one dice.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from msgspec.structs import replace

from firmware.facts import PowerReading
from hw.power.pack import Pack

Lie = Callable[[PowerReading, float, Random], PowerReading]


def _changed(said: PowerReading, **values: float | bool | None) -> PowerReading:
    return PowerReading(**{name: values.get(name, getattr(said, name)) for name in said.__struct_fields__})


def falls(at: float, to: float) -> Lie:
    """The percent falls to `to` within seconds, as gauges do that lost their count."""
    return lambda said, now, _: _changed(said, percent=to) if now > at and said.percent is not None else said


def stuck_percent(at: float) -> Lie:
    kept: list[float | None] = []

    def lie(said: PowerReading, now: float, _: Random) -> PowerReading:
        if now < at:
            return said
        kept[:] = kept or [said.percent]
        return _changed(said, percent=kept[0])

    return lie


def scaled_percent(factor: float) -> Lie:
    return lambda said, _now, _: _changed(said, percent=said.percent * factor) if said.percent is not None else said


def wild_percent(said: PowerReading, _now: float, dice: Random) -> PowerReading:
    return _changed(said, percent=float(dice.randrange(0, 200)))


def offset_voltage(volts: float) -> Lie:
    return lambda said, _now, _: _changed(said, voltage_v=said.voltage_v + volts) if said.voltage_v else said


def stuck_voltage(volts: float) -> Lie:
    return lambda said, _now, _: _changed(said, voltage_v=volts)


def scaled_current(factor: float) -> Lie:
    return lambda said, _now, _: _changed(said, current_a=said.current_a * factor) if said.current_a else said


def low_mark(at: float) -> Lie:
    return lambda said, now, _: _changed(said, low=now > at)


def silent(share: float) -> Lie:
    """Readings fail now and then."""
    return lambda said, _now, dice: PowerReading(source=said.source) if dice.random() < share else said


def lies(pack: Pack, dice: Random) -> list[Lie]:
    """One lying instrument; now and then the readings fail besides."""
    at = dice.uniform(0, 1200)
    one: Lie = dice.choice(
        [
            falls(at, dice.choice([0.0, 1.0, 17.0, 120.0])),
            stuck_percent(at),
            scaled_percent(dice.choice([0.1, 0.3, 0.6, 1.4, 3.0])),
            wild_percent,
            offset_voltage(dice.choice([-1, 1]) * dice.uniform(0.04, 0.3) * pack.cutoff_v),
            stuck_voltage(pack.cutoff_v * dice.uniform(0.9, 1.3)),
            scaled_current(dice.choice([0.0, 0.2, 0.6, 1.7, 4.0, -1.0])),
            low_mark(at),
        ]
    )
    return [one, silent(0.2)] if dice.random() < 0.2 else [one]


@dataclass
class Outage:
    """One history. `honest`: every instrument is right within its class and the battery does not die by a fault."""

    pack: Pack
    lies: list[Lie]
    flips: list[float]
    calls: list[float]
    sudden_death_at: float
    transfer_s: float | None
    returns_in_grace: bool
    call_known: bool
    mains: bool = True
    in_call: bool = False
    now: float = 0.0
    lost_at: float = 0.0
    busy_at: float = float("-inf")

    @property
    def honest(self) -> bool:
        return not self.lies and self.sudden_death_at == float("inf")

    @property
    def dead(self) -> bool:
        return not self.mains and (self.pack.dead or self.now >= self.sudden_death_at)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        while self.flips and self.now >= self.flips[0]:
            self.lost_at = self.flips.pop(0)
            self.mains = not self.mains
        while self.calls and self.now >= self.calls[0]:
            self.calls.pop(0)
            self.in_call = not self.in_call
        self.pack = self.pack.recharge(seconds) if self.mains else self.pack.discharge(seconds)

    def next_event_s(self) -> float:
        """How long nothing but discharge happens."""
        return min([each - self.now for each in (*self.flips[:1], *self.calls[:1])], default=1e9)

    def charged(self, dice: Random) -> PowerReading:
        """What was said when the battery was last full, before all this."""
        return dataclasses.replace(self, pack=replace(self.pack, charge=1.0)).said(dice)

    def said(self, dice: Random) -> PowerReading:
        power = 0.0 if self.mains else self.pack.load_w
        volts = self.pack.voltage_v(power)
        said = PowerReading(
            source="gauge",
            mains=self.mains,
            percent=float(round(min(100.0, max(0.0, self.pack.percent + dice.uniform(-0.4, 0.4))))),
            voltage_v=volts + dice.uniform(-0.01, 0.01),
            current_a=power / volts * dice.uniform(0.985, 1.015),
        )
        for lie in self.lies:
            said = lie(said, self.now, dice)
        return said


def outage(packs: list[Pack], dice: Random) -> Outage:
    """A random history: half of them honest."""
    pack = dice.choice(packs)
    pack = replace(pack, load_w=pack.load_w * dice.uniform(0.8, 1.25))
    full = pack.capacity_wh / pack.load_w * 60
    pack = replace(pack, charge=min(1.0, max(0.08, dice.uniform(5, 40) / full) if dice.random() < 0.8 else 1.0))
    honest = dice.random() < 0.5
    flips, calls = _flips(dice), _times(dice, 4, 900)
    return Outage(
        pack=pack,
        lies=[] if honest else lies(pack, dice),
        flips=flips,
        calls=calls,
        sudden_death_at=float("inf") if honest or dice.random() < 0.8 else dice.uniform(30, 1500),
        transfer_s=dice.choice([None, 3.0, 20.0, 50.0]),
        returns_in_grace=dice.random() < 0.2,
        call_known=dice.random() < 0.9,
        in_call=dice.random() < 0.6,
    )


def _flips(dice: Random) -> list[float]:
    """When mains changes: some flickers, then a loss, perhaps a return and another loss."""
    times, now = list[float](), 5.0
    for _ in range(dice.choice([0, 0, 1, 5])):
        times += [now, now + dice.uniform(0.02, 0.29)]
        now += dice.uniform(1, 20)
    times.append(now)
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        back = times[-1] + dice.uniform(0.5, 900)
        times += [back, back + dice.uniform(0.5, 60)]
    return times if dice.random() < 0.8 else [*times, times[-1] + dice.uniform(1, 2400)]


def _times(dice: Random, most: int, mean_s: float) -> list[float]:
    now, times = 0.0, list[float]()
    for _ in range(dice.randrange(most + 1)):
        now += dice.expovariate(1 / mean_s)
        times.append(now)
    return times
