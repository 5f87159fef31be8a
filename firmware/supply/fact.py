"""What the power service announces: the reading that is believed and what was made of it, without the noise. Pure."""

import msgspec

from firmware.facts import Power, PowerReading
from firmware.supply.core import Core
from firmware.supply.minutes import Minutes

STEP = {"percent": 0.5, "voltage_v": 0.02, "current_a": 0.05}  # less than this is noise
MINUTES_SHARE, MINUTES_STEP = 0.03, 0.3


def told(said: PowerReading, core: Core, known: Minutes, faults: tuple[str, ...]) -> Power:
    """The fact, with its numbers as they are; a percent that cannot be is unknown and a fault."""
    wrong = said.percent is not None and not 0 <= said.percent <= 100
    doubts = tuple(f"the {name} is not believed: it contradicts the rest" for name in known.doubts)
    return Power(
        percent=None if wrong else said.percent,
        minutes_left=known.left,
        state=core.policy.state,
        minutes_at_least=known.at_least,
        minutes_at_most=known.at_most,
        voltage_v=said.voltage_v,
        current_a=said.current_a,
        believed=said.source,
        flickers=core.mains.flickers,
        stage=core.policy.stage,
        faults=(*faults, *doubts, *((f"the gauge says {said.percent:g} %",) if wrong else ())),
    )


def steady(before: Power, now: Power) -> Power:
    """`now`, where a number that moved by no more than noise keeps the value that was announced."""
    kept = {name: getattr(before, name) for name, step in STEP.items() if _near(before, now, name, step)}
    for name in ("minutes_left", "minutes_at_least", "minutes_at_most"):
        old = getattr(before, name)
        if _near(before, now, name, max(MINUTES_STEP, MINUTES_SHARE * (old or 0.0))):
            kept[name] = old
    rounded = {name: round(getattr(now, name), 2) for name in _numbers(now) if name not in kept}
    return msgspec.structs.replace(now, **{**rounded, **kept})


def _numbers(fact: Power) -> list[str]:
    names = (*STEP, "minutes_left", "minutes_at_least", "minutes_at_most")
    return [name for name in names if getattr(fact, name) is not None]


def _near(before: Power, now: Power, name: str, step: float) -> bool:
    old, new = getattr(before, name), getattr(now, name)
    return old is not None and new is not None and abs(old - new) < step
