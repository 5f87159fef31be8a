"""What has become of the panics, as the panic lamp shows it. Pure; times in seconds."""

from collections.abc import Mapping

from firmware.facts import Fact, PanicState
from firmware.spool import Entry

ORDER: tuple[PanicState, ...] = ("idle", "raised", "delivered", "acknowledged")


class Known(Fact, frozen=True):
    """One panic: how far it has come, since when."""

    state: PanicState
    since: float


def reached(entry: Entry) -> PanicState:
    return "acknowledged" if entry.acknowledged else "delivered" if entry.delivered else "raised"


def seen(known: Mapping[str, Known], id: str, state: PanicState, now: float) -> dict[str, Known]:
    """With the panic `id` seen in `state`; it never goes back (its marks are moved one by one when it is closed)."""
    before = known.get(id)
    if before and ORDER.index(state) <= ORDER.index(before.state):
        return dict(known)
    return {**known, id: Known(state=state, since=now)}


def shown(known: Mapping[str, Known], now: float, acknowledged_s: float) -> tuple[dict[str, Known], PanicState]:
    """The panics that still matter, and what the lamp says: the one that is furthest from an answer."""
    left = {id: each for id, each in known.items() if each.state != "acknowledged" or now < each.since + acknowledged_s}
    return left, min((each.state for each in left.values()), key=ORDER.index, default="idle")


def due(known: Mapping[str, Known], acknowledged_s: float) -> float | None:
    """When `shown` next changes by itself."""
    times = (each.since + acknowledged_s for each in known.values() if each.state == "acknowledged")
    return min(times, default=None)
