"""How far to go to bring a sick modem back, pure: `(ladder, sight, now) -> (ladder, rung to climb)`.

```
 well --no answer for silent_s--> reconnect --settle--> reset --settle--> power cycle --settle--> from the start,
 well --not registered for unregistered_s--> airplane mode --> reset --> power cycle --> from the start,
                                             each round waiting twice as long as the one before (at most 64 times)
```
Reconnect costs nothing. The other rungs interrupt what the modem carries: they keep `settle_s` between them and a
budget a day, whatever happens in between, and are held back while a call may be on the modem alone. A message that
waits holds back only a reset of a modem that is well: through a sick one it would not go anyway.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from firmware.facts import Call, Uplinks

Rung = Literal["reconnect", "airplane mode", "reset", "power cycle"]
DAY_S, DOUBLINGS = 86_400.0, 6


class Limits(Struct, frozen=True, kw_only=True):
    silent_s: float = 30.0
    unregistered_s: float = 180.0
    settle_s: float = 60.0
    per_day: int = 12
    power: bool = False  # the power of its USB port can be switched


class Sight(Struct, frozen=True, kw_only=True):
    """What is seen of the modem: does it answer, is it registered (None: it did not say), would a reset interrupt a
    call that has no other uplink, does a message wait."""

    answers: bool
    registered: bool | None = None
    alone_in_call: bool = False
    sending: bool = False


class Ladder(Struct, frozen=True):
    """Since when it is sick, how many rungs were climbed since, when the last, when each that interrupts (`spent`)."""

    sick_since: float | None = None
    climbed: int = 0
    last_at: float | None = None
    spent: tuple[float, ...] = ()


def step(ladder: Ladder, sight: Sight, now: float, limits: Limits) -> tuple[Ladder, Rung | None]:
    """The rung to climb at `now` (seconds, monotonic), if any; the ladder returned has it counted."""
    if _well(sight):
        return replace(ladder, sick_since=None, climbed=0), None
    ladder = replace(ladder, sick_since=now if ladder.sick_since is None else ladder.sick_since)
    rungs = _rungs(sight, limits)
    if not _due(ladder, sight, now, limits, len(rungs)):
        return ladder, None
    rung = rungs[ladder.climbed % len(rungs)]
    if rung == "reconnect":
        return _counted(ladder, now, 1), rung
    if refusal(ladder, sight, now, limits):
        return (ladder, None) if sight.answers else (_counted(ladder, now, 0), "reconnect")
    return spend(_counted(ladder, now, 1), now), rung


def alone_in_call(call: Call | None, uplinks: Uplinks | None, registered: bool | None) -> bool:
    """Whether a call may be on the modem alone: what is not known may be so. Off the network it carries nothing."""
    if registered is False or (call is not None and call.state == "idle"):
        return False
    ways = uplinks.uplinks if uplinks else ()
    if any(way.state == "up" for way in ways if way.kind != "lte"):
        return False
    ours = [way.state for way in ways if way.kind == "lte"]
    return not ours or any(state != "down" for state in ours)


def refusal(ladder: Ladder, sight: Sight, now: float, limits: Limits) -> str:
    """Why a rung that interrupts may not be climbed now, in words; empty where it may."""
    recent = [at for at in ladder.spent if now - at < DAY_S]
    if sight.alone_in_call:
        return "the modem may be the only uplink of a call"
    if sight.sending and _well(sight):
        return "a message is being sent"
    if len(recent) >= limits.per_day:
        return f"{limits.per_day} resets in a day are spent"
    if recent and now - recent[-1] < limits.settle_s:
        return f"the last reset was less than {limits.settle_s:g} s ago"
    return ""


def spend(ladder: Ladder, now: float) -> Ladder:
    """One rung that interrupts is taken from the day's budget."""
    return replace(ladder, spent=(*(at for at in ladder.spent if now - at < DAY_S), now))


def _well(sight: Sight) -> bool:
    return sight.answers and sight.registered is not False


def _rungs(sight: Sight, limits: Limits) -> tuple[Rung, ...]:
    first: Rung = "airplane mode" if sight.answers else "reconnect"
    return (first, "reset", "power cycle") if limits.power else (first, "reset")


def _due(ladder: Ladder, sight: Sight, now: float, limits: Limits, rungs: int) -> bool:
    patience = limits.unregistered_s if sight.answers else limits.silent_s
    settle = limits.settle_s * 2 ** min(ladder.climbed // rungs, DOUBLINGS)
    rested = ladder.last_at is None or now - ladder.last_at >= settle
    return rested and ladder.sick_since is not None and now - ladder.sick_since >= patience


def _counted(ladder: Ladder, now: float, climbed: int) -> Ladder:
    return replace(ladder, climbed=ladder.climbed + climbed, last_at=now)
