"""All of power that decides, put together: mains, minutes and policy. Pure: `advance(core, facts, now)`."""

from collections.abc import Sequence

from firmware.config import PowerPolicy
from firmware.facts import Fact, PowerReading
from firmware.supply import minutes
from firmware.supply import policy as power_policy
from firmware.supply.battery import Battery
from firmware.supply.mains import Mains, debounce

ESTIMATE_S = 1.0
WEAK_SHARE, WEAK_S = 0.2, 30.0
STALE_S = 5.0


class Core(Fact, frozen=True):
    """`weak_since`: since when the battery drains although mains is said to be there."""

    mains: Mains = Mains()
    estimate: minutes.Estimate = minutes.Estimate()
    known: minutes.Minutes = minutes.Minutes()
    policy: power_policy.Policy = power_policy.Policy()
    weak_since: float | None = None


class Around(Fact, frozen=True):
    """What power must know of the rest of the unit; None is unknown."""

    call: bool | None = None
    transferred: bool | None = None


def weak(core: Core, battery: Battery, said: PowerReading, now: float) -> float | None:
    """Since when a mains that is there does not carry the unit."""
    enough = WEAK_SHARE * battery.load_w
    drains = said.current_a is not None and said.voltage_v is not None and said.current_a * said.voltage_v > enough
    if said.mains is not True or said.testing or not drains:
        return None
    return core.weak_since if core.weak_since is not None else now


def advance(
    core: Core, battery: Battery, said: PowerReading, around: Around, limits: PowerPolicy, now: float
) -> tuple[Core, tuple[power_policy.Action, ...]]:
    """The state after one reading and what is to be done. Minutes are estimated once in ESTIMATE_S."""
    weak_since = weak(core, battery, said, now)
    failing = weak_since is not None and now - weak_since >= WEAK_S
    mains = debounce(core.mains, said.mains and not failing, now, limits.flicker_ms / 1000)
    estimate, known = core.estimate, core.known
    draining = mains.seen is False or said.testing is True
    if estimate.at is None or now - estimate.at >= ESTIMATE_S:
        estimate = minutes.step(estimate, battery, said.percent, said.voltage_v, said.current_a, draining, now)
        known = minutes.minutes(estimate, battery)
    seen = power_policy.Seen(
        mains=mains.told,
        lost_now=said.mains is False or failing,
        minutes=known,
        call=around.call,
        low=said.low,
        transferred=around.transferred,
    )
    policy, actions = power_policy.decide(core.policy, seen, limits, now)
    return Core(mains=mains, estimate=estimate, known=known, policy=policy, weak_since=weak_since), actions


def believed(readings: Sequence[PowerReading], ages_s: Sequence[float]) -> tuple[PowerReading | None, str]:
    """Which of the sources, in the order of the configuration, is believed, and why."""
    for place, (said, age_s) in enumerate(zip(readings, ages_s, strict=True)):
        if age_s < STALE_S and said.mains is not None and not said.fault:
            return said, "the only source" if len(readings) == 1 else f"answers, and is number {place + 1} in unit.toml"
    fresh = [said for said, age_s in zip(readings, ages_s, strict=True) if age_s < STALE_S and said.mains is not None]
    return (fresh[0], "no source is without a fault") if fresh else (None, "no source answers")


def disagreements(readings: Sequence[PowerReading], chosen: PowerReading | None) -> tuple[str, ...]:
    """One line for each source that says otherwise about mains than the one believed, and for each that has a fault."""
    lines = [f"{each.source}: {each.fault}" for each in readings if each.fault]
    for each in readings:
        if chosen is not None and each.mains is not None and each.mains != chosen.mains:
            lines.append(f"{each.source} says mains is {'there' if each.mains else 'lost'}, {chosen.source} otherwise")
    return tuple(lines)
