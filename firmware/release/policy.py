"""Whether this unit takes a release now: pure. All of it is decided on the unit, from signed files; no server knows it.

| asked, in this order            | else                                                                  |
|---------------------------------|-----------------------------------------------------------------------|
| newer than what was booted, and | none: never back, and never twice what failed here                     |
| than what ever proved itself    |                                                                       |
| not stopped                     | waits                                                                 |
| in the ring's percentage        | waits                                                                 |
| on mains, off shift, no call,   | waits, urgent or not                                                  |
| nobody accepts it               |                                                                       |
| not over LTE, in the window     | waits, unless urgent                                                  |
"""

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from firmware.release.rollout import Ring, RollOut, version_key

HOUR_S = 3_600.0


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy asks about this unit. None is unknown and holds the update back, but for `lte_frugal`: an urgent
    one is worth LTE unless the plan is known to run out. `refused` are versions that were
    tried here and taken back, of bundles and of sites; `halted` the ids of stopped roll-outs; `least` the newest bundle
    that ever proved itself here: after a roll-back nothing older than that comes either."""

    unit: str
    ring: Ring = "all"
    booted: str
    site: str = "0"
    on_shift: bool | None = None
    in_call: bool | None = None
    on_mains: bool | None = None
    accepting: bool = False
    over_lte: bool | None = None
    lte_frugal: bool | None = None
    least: str = "0"
    refused: frozenset[str] = frozenset()
    refused_sites: frozenset[str] = frozenset()
    halted: frozenset[str] = frozenset()


class Decision(msgspec.Struct, frozen=True):
    """`install` the roll-out, `wait` for what the reason says, or nothing to do."""

    action: Literal["install", "wait", "none"]
    reason: str
    roll_out: RollOut | None = None


def share(unit: str, roll_out: str) -> float:
    """Where the unit stands in a roll-out, 0 to 100: the hash of its name, salted: next time others are first."""
    digest = hashlib.sha256(f"{roll_out}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100


def decide(offered: Iterable[RollOut], here: Situation, now_s: float) -> Decision:
    """What to do about the newest of the roll-outs that concern this unit; `now_s` is seconds since the epoch."""
    newer = [each for each in offered if _concerns(each, here)]
    if not newer:
        return Decision("none", "nothing newer is offered")
    found = [decide_one(each, here, now_s) for each in sorted(newer, key=lambda each: version_key(each.version))]
    return next((each for each in reversed(found) if each.action == "install"), found[-1])


def _concerns(offer: RollOut, here: Situation) -> bool:
    version = version_key(offer.version)
    if offer.kind == "site":
        return version > version_key(here.site) and offer.version not in here.refused_sites
    return version_key(here.booted) < version >= version_key(here.least) and offer.version not in here.refused


def decide_one(offer: RollOut, here: Situation, now_s: float) -> Decision:
    reason = _held(offer, here, now_s % 86_400 / HOUR_S)
    return Decision("wait" if reason else "install", reason or f"{offer.id} is due", offer)


def _held(offer: RollOut, here: Situation, hour: float) -> str:
    """Why not now; empty: now."""
    if offer.id in here.halted:
        return f"{offer.id} is stopped"
    if share(here.unit, offer.id) >= offer.percent.get(here.ring, 0):
        return f"{offer.id} has not come to this unit yet (ring {here.ring})"
    if disturbs := disturbing(here):
        return disturbs
    if words := _costs(offer, here):
        return words
    if here.over_lte is None and not offer.urgent:
        return "not known whether only LTE reaches the hub"
    if offer.urgent or offer.window.open(hour):
        return ""
    return f"outside the window {offer.window.from_hour} to {offer.window.to_hour} UTC"


def _costs(offer: RollOut, here: Situation) -> str:
    """Why it is not worth LTE, where that is known to be the way."""
    if not here.over_lte:
        return ""
    if not offer.urgent:
        return "only LTE reaches the hub"
    return "the LTE plan does not last the month" if here.lte_frugal else ""


def disturbing(here: Situation) -> str:
    """Why no update may touch this unit now, urgent or not; empty: it may. What is not known disturbs."""
    for known, wanted, words in _asked(here):
        if known is not wanted:
            return words if known is not None else f"not known whether {words}"
    return ""


def breaks_off(offer: RollOut, here: Situation) -> str:
    """Why what has begun is broken off; empty: it goes on. Only what is known does: not a service that is started
    again, nor an uplink that is away for a moment, nor the end of the window."""
    known = (words for known, wanted, words in _asked(here) if known is not None and known is not wanted)
    return next(known, "") or _costs(offer, here)


def _asked(here: Situation) -> tuple[tuple[bool | None, bool, str], ...]:
    """What is known, what it has to be, and the words where it is not."""
    return (
        (here.on_mains, True, "on battery"),
        (here.on_shift, False, "on shift"),
        (here.in_call, False, "in a call"),
        (here.accepting, False, "walked through its acceptance"),
    )


def poll_delay_s(every_s: float, chance: float) -> float:
    """Seconds until the unit looks again: `every_s` on average, spread by half of it, by a fresh `chance` in [0, 1).

    Units that booted in the same second (a street's power came back) have drifted apart after a few looks; the first
    look after a boot waits `every_s * chance`.
    """
    return every_s * (0.75 + 0.5 * chance)
