"""The verdict: pure. The status document in, `safe`, colour and reasons out, steady in time."""

import msgspec

from firmware.checks import ALL
from firmware.checks.reason import Reason
from firmware.facts import Colour, Readiness, Status

CLEAR_S = 1.0
WORST_FIRST = ("unsafe", "unknown", "warning")


class State(msgspec.Struct, frozen=True):
    """What was said last: each reason by its check, since when a check that had one finds nothing, and since when each
    that finds something does. `begun` is false before the first verdict, which waits for nothing."""

    reasons: dict[str, Reason] = {}
    clear_since: dict[str, float] = {}
    found_since: dict[str, float] = {}
    begun: bool = False


def reasons(status: Status) -> dict[str, Reason]:
    """Every reason found now, by check."""
    found = (check(status) for check in ALL)
    return {reason.check: reason for reason in found if reason is not None}


def decide(state: State, status: Status, now: float) -> tuple[State, Readiness, float | None]:
    """The verdict at `now` (s), and when to look again though nothing changes (None: no need).

    A reason shows at once (or when it has lasted its `settle_s`); it goes after CLEAR_S without it, so that what
    flickers does not make the lamp flicker.
    """
    found = reasons(status)
    since = {name: state.found_since.get(name, now if state.begun else float("-inf")) for name in found}
    ripe_at = {name: since[name] + reason.settle_s for name, reason in found.items()}
    ripe = {name: reason for name, reason in found.items() if now >= ripe_at[name]}
    gone = {name: state.clear_since.get(name, now) for name in state.reasons if name not in ripe}
    lingering = {name: state.reasons[name] for name, at in gone.items() if now < at + CLEAR_S}
    shown = {**lingering, **ripe}
    looks = [gone[name] + CLEAR_S for name in lingering] + [at for name, at in ripe_at.items() if name not in ripe]
    clear = {name: gone[name] for name in lingering}
    return State(shown, clear, since, True), verdict(shown), min(looks, default=None)


def verdict(shown: dict[str, Reason]) -> Readiness:
    """Green needs no reason at all; one that is unsafe decides; unknown is never safe."""
    levels = {reason.level for reason in shown.values()}
    safe = False if "unsafe" in levels else None if "unknown" in levels else True
    colour: Colour = "red" if not safe else "amber" if levels else "green"
    words = tuple(reason.words for level in WORST_FIRST for reason in shown.values() if reason.level == level)
    return Readiness(safe=safe, colour=colour, reasons=words)
