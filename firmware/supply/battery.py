"""What is known of this battery: how much energy is left at each percent its gauge says and at each voltage. Pure.

A new battery is known by its rating alone, so its bounds are wide. One discharge, watched from charged to nearly empty,
teaches `learn` this battery's capacity, the unit's load and the shape of both curves.
"""

from bisect import bisect_right
from collections.abc import Sequence

from firmware.config import PowerHardware
from firmware.facts import Fact

DEEP_PERCENT = 40.0  # a discharge of fewer points of the gauge teaches too little
POINTS = 200
# Of any chemistry: the most charge there can be at a share of the way from the cut-off to the full voltage, under load.
ANY_SHARE, ANY_MOST = (0.0, 0.3, 0.45, 0.6), (0.08, 0.25, 0.55, 1.0)
LINE = 0.8  # the share of a straight line to the cut-off that a curve bending down really has


class Span(Fact, frozen=True):
    """Energy left at the terminals: at least, most likely, at most."""

    low_wh: float
    wh: float
    high_wh: float


class Battery(Fact, frozen=True):
    """`percents` and `volts` rise; `percent_wh` and `volt_wh` are the energy left there at `load_w`.

    Nobody watched the last `tail_wh`: they are an estimate, and bounded as one. `charged_v` is the voltage when charged
    and on mains, to check the instrument by. `learned_at` is empty until taught.
    """

    capacity_wh: float
    load_w: float
    full_v: float
    empty_v: float
    percents: tuple[float, ...] = (0.0, 100.0)
    percent_wh: tuple[float, ...] = ()
    volts: tuple[float, ...] = ()
    volt_wh: tuple[float, ...] = ()
    tail_wh: float = 0.0
    charged_v: float | None = None
    learned_at: str = ""


class Sample(Fact, frozen=True):
    """One moment of a discharge; `used_wh` is what left the battery since it began."""

    at: float
    percent: float
    voltage_v: float
    power_w: float
    used_wh: float


def rated(hardware: PowerHardware) -> Battery:
    """A battery of which only the rating is known."""
    return Battery(
        capacity_wh=hardware.capacity_wh, load_w=hardware.load_w, full_v=hardware.full_v, empty_v=hardware.empty_v
    )


def along(xs: Sequence[float], ys: Sequence[float], at: float) -> float:
    """`ys` at `at` by straight lines between rising `xs`; held at both ends."""
    if at <= xs[0]:
        return ys[0]
    if at >= xs[-1]:
        return ys[-1]
    right = bisect_right(xs, at)
    share = (at - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])


def from_percent(battery: Battery, percent: float, power_w: float) -> Span | None:
    """What the gauge's percent means; None for one that cannot be."""
    if not 0 <= percent <= 100:
        return None
    if not battery.learned_at:
        nominal = battery.capacity_wh / 100
        return Span(
            low_wh=max(0.0, percent - 10) * 0.5 * nominal,
            wh=percent * 0.85 * nominal,
            high_wh=min(100.0, percent + 10) * 1.1 * nominal,
        )
    return _known(battery, battery.percents, battery.percent_wh, percent, 1.25, power_w)


def from_voltage(battery: Battery, voltage_v: float, power_w: float) -> Span | None:
    """What the voltage under load means; None for one that cannot be of this battery."""
    if not 0.6 * battery.empty_v <= voltage_v <= 1.2 * battery.full_v:
        return None
    if not battery.learned_at:
        share, nominal = (voltage_v - battery.empty_v) / (battery.full_v - battery.empty_v), battery.capacity_wh
        low, high = min(1.0, max(0.0, share - 0.5)), along(ANY_SHARE, ANY_MOST, share)
        return Span(low_wh=low * 0.5 * nominal, wh=(low + high) / 2 * 0.85 * nominal, high_wh=high * 1.1 * nominal)
    about = (0.005 + 0.03 * abs(power_w / battery.load_w - 1)) * battery.full_v
    return _known(battery, battery.volts, battery.volt_wh, voltage_v, about, power_w)


def _known(battery: Battery, xs: Sequence[float], ys: Sequence[float], at: float, about: float, power_w: float) -> Span:
    """The learned curve at `at`, right within `about`; the tail and another load than the learned one widen it."""
    rate = 0.25 * abs(power_w / battery.load_w - 1)
    low, wh, high = along(xs, ys, at - about), along(xs, ys, at), along(xs, ys, at + about)
    unseen, slack = battery.tail_wh, 0.013 * battery.capacity_wh
    return Span(
        low_wh=max(0.0, (low - 0.6 * min(low, unseen)) * (1 - rate) - slack),
        wh=wh,
        high_wh=(high + 0.6 * min(high, unseen)) * (1 + rate) + slack,
    )


def learn(rating: Battery, samples: Sequence[Sample], charged_v: float | None, learned_at: str) -> Battery | None:
    """This battery after one watched discharge; None where it was too short or its gauge did not fall."""
    if len(samples) < 5 or samples[0].percent - samples[-1].percent < DEEP_PERCENT:
        return None
    last, used = samples[-1], samples[-1].used_wh
    tail = _tail(rating, samples)
    left = [(each, used - each.used_wh + tail) for each in samples]
    percents, percent_wh = _rising([(0.0, 0.0), *((each.percent, wh) for each, wh in reversed(left))])
    volts, volt_wh = _rising([(rating.empty_v, 0.0), *((each.voltage_v, wh) for each, wh in reversed(left))])
    hours = (last.at - samples[0].at) / 3600
    return Battery(
        capacity_wh=(used + tail) * 100 / max(50.0, samples[0].percent),
        load_w=used / hours if hours > 0 else rating.load_w,
        full_v=rating.full_v,
        empty_v=rating.empty_v,
        percents=percents,
        percent_wh=percent_wh,
        volts=volts,
        volt_wh=volt_wh,
        tail_wh=tail,
        charged_v=charged_v,
        learned_at=learned_at,
    )


def _tail(rating: Battery, samples: Sequence[Sample]) -> float:
    """What is likely left after the last sample: the last stretch's energy for each point, for the points left.

    The voltage bounds it: it falls ever faster near the end, so a straight line to the cut-off is more than there is.
    """
    last = samples[-1]
    before = next((each for each in reversed(samples) if each.percent >= last.percent + 5), samples[0])
    gave, fell = last.used_wh - before.used_wh, before.voltage_v - last.voltage_v
    by_percent = gave / max(1.0, before.percent - last.percent) * last.percent
    by_voltage = gave / fell * (last.voltage_v - rating.empty_v) if fell > 0.002 * rating.full_v else by_percent
    return max(0.0, min(by_percent, LINE * by_voltage))


def _rising(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The points without those where the first number does not rise, thinned to POINTS."""
    kept = [points[0]]
    for point in points[1:]:
        if point[0] > kept[-1][0]:
            kept.append(point)
    thin = kept[:: max(1, len(kept) // POINTS)]
    thin = thin if thin[-1] == kept[-1] else [*thin, kept[-1]]
    return tuple(x for x, _ in thin), tuple(y for _, y in thin)


def charged(percent: float | None, voltage_v: float | None, current_a: float | None, rating: Battery) -> float | None:
    """The voltage of a battery that is full and rests on mains; None where it is not or does not say."""
    if percent is None or voltage_v is None or not 99 <= percent <= 100:
        return None
    return voltage_v if current_a is None or abs(current_a * voltage_v) < 0.05 * rating.capacity_wh else None


def at_floor(rating: Battery, percent: float | None, voltage_v: float | None, floor_percent: float) -> bool:
    """Whether a battery test must end: by the gauge, or by the voltage where the gauge tells a better story."""
    low_v = rating.empty_v + 0.08 * (rating.full_v - rating.empty_v)
    return percent is None or voltage_v is None or percent <= floor_percent or voltage_v <= low_v


def health_percent(battery: Battery, rating: Battery) -> float | None:
    """The capacity against the rated one; None until it was learned."""
    return 100 * battery.capacity_wh / rating.capacity_wh if battery.learned_at else None
