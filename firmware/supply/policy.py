"""What to do when mains goes: a pure machine. `decide(state, seen, limits, now) -> (state, actions)`.

    normal -> on-battery -> low -> ending: handing-over -> holding -> grace -> off
       ^__________|__________|________|_________|___________|         mains back, at any point, undoes it

A call is never ended while there is power for it: with a call up, only `running_out` (gauge and voltage agree that the
last minute has come) leads to the grace. Without a call the unit stops while STOP_MINUTES are left for certain.
"""

from typing import Literal

import msgspec

from firmware.config import PowerPolicy
from firmware.facts import Fact, PowerState
from firmware.supply.minutes import Minutes

Stage = Literal["", "handing-over", "holding", "grace", "off"]
Action = Literal["save", "resume", "warn", "hand-over", "flush", "power-off", "restart"]
BATTERY: tuple[PowerState, ...] = ("on-battery", "low", "ending")
STOP_MINUTES = 2.0
UNKNOWN_S = 60.0
RECOVER = 1.5  # a state is left for a better one, without mains, only well above its limit


class Seen(Fact, frozen=True):
    """`call`: one is up or ringing (None: not known). `transferred`: what the hand-over came to (None: not yet).

    `lost_now`: the very last look found mains gone. Without that nothing stops: it may be coming back.
    """

    mains: bool | None
    lost_now: bool = True
    minutes: Minutes = Minutes()
    call: bool | None = None
    low: bool | None = None
    transferred: bool | None = None


class Policy(Fact, frozen=True):
    state: PowerState | None = None
    stage: Stage = ""
    since: float = 0.0
    known_at: float | None = None
    warned: bool = False


Outcome = tuple[Policy, tuple[Action, ...]]


def decide(state: Policy, seen: Seen, limits: PowerPolicy, now: float) -> Outcome:
    """One step. The actions are to be done in their order, and one is never asked for again in the same stage."""
    if seen.mains is True:
        return _mains(state)
    if seen.mains is None and state.state in (None, "normal"):
        return Policy(), ()
    if state.stage == "off":
        return state, ()
    known_at = now if seen.minutes.at_least is not None or state.known_at is None else state.known_at
    level = _level(state, seen, limits, now - known_at)
    actions: list[Action] = [] if state.state in BATTERY else ["save"]
    warn = level in ("low", "ending") and not state.warned
    actions += ["warn"] if warn else []
    on = msgspec.structs.replace(state, state=level, known_at=known_at, warned=state.warned or warn)
    if level != "ending":
        return _stage(on, "", now), tuple(actions)
    after, more = _ending(on, seen, limits, now)
    return after, (*actions, *more)


def _mains(state: Policy) -> Outcome:
    if state.stage == "off":
        return Policy(state="normal"), ("resume", "restart")
    return Policy(state="normal"), ("resume",) if state.state in BATTERY else ()


def _level(state: Policy, seen: Seen, limits: PowerPolicy, unknown_s: float) -> PowerState:
    """The worse of what the minutes say now and what was, unless it has become much better."""
    at_least = seen.minutes.at_least
    old: PowerState = state.state if state.state in BATTERY else "on-battery"
    new = _by_minutes(seen, limits, unknown_s)
    if BATTERY.index(new) >= BATTERY.index(old):
        return new
    limit = limits.ending_minutes if old == "ending" else limits.low_minutes
    return new if at_least is not None and at_least > RECOVER * limit else old


def _by_minutes(seen: Seen, limits: PowerPolicy, unknown_s: float) -> PowerState:
    """The level of this moment. A source's own low mark ends nothing while the minutes contradict it."""
    at_least, left = seen.minutes.at_least, seen.minutes.left
    if at_least is not None and at_least <= limits.ending_minutes:
        return "ending"
    if seen.low and (left is None or left <= limits.low_minutes):
        return "ending"
    if seen.low or (at_least is None and unknown_s >= UNKNOWN_S):
        return "low"
    return "low" if at_least is not None and at_least <= limits.low_minutes else "on-battery"


def _stage(state: Policy, stage: Stage, now: float) -> Policy:
    since = state.since if stage == state.stage else now
    return msgspec.structs.replace(state, stage=stage, since=since)


def _ending(state: Policy, seen: Seen, limits: PowerPolicy, now: float) -> Outcome:
    passed_s, busy = now - state.since, seen.call is not False
    if state.stage == "":
        return _stage(state, "handing-over" if busy else "holding", now), ("hand-over", "flush") if busy else ("flush",)
    if state.stage == "handing-over":
        done = not busy or seen.transferred is not None or passed_s >= limits.handover_s
        return _stage(state, "holding" if done or seen.minutes.running_out else "handing-over", now), ()
    if state.stage == "holding" and _must_stop(seen, busy):
        return _stage(state, "grace", now), ()
    if state.stage == "holding":
        again = seen.call is True and passed_s >= limits.handover_s
        return (_stage(state, "handing-over", now), ("hand-over",)) if again else (state, ())
    if not _must_stop(seen, busy):
        again = seen.call is True
        return _stage(state, "handing-over" if again else "holding", now), ("hand-over",) if again else ()
    if passed_s >= _grace_s(seen, limits) and seen.lost_now:
        return _stage(state, "off", now), ("flush", "power-off")
    return state, ()


def _grace_s(seen: Seen, limits: PowerPolicy) -> float:
    """How long mains may still come back: a tenth of the time left at most."""
    return limits.grace_s if seen.minutes.left is None else min(limits.grace_s, 6 * seen.minutes.left)


def _must_stop(seen: Seen, busy: bool) -> bool:
    if busy:
        return seen.minutes.running_out
    at_least = seen.minutes.at_least
    return bool(seen.low) or seen.minutes.running_out or (at_least is not None and at_least <= STOP_MINUTES)
