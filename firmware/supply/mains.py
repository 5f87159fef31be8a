"""Is mains there? Pure: a loss shorter than a flicker is counted and not told; an unknown is told as unknown."""

from firmware.facts import Fact, PowerSource

UNSEEN_S = 5.0


class Mains(Fact, frozen=True):
    """`told` is what the unit says; `seen` what was read last, since `since`; `read_at` when anything was read."""

    told: bool | None = None
    seen: bool | None = None
    since: float = 0.0
    read_at: float = float("-inf")
    flickers: int = 0


def debounce(state: Mains, seen: bool | None, now: float, flicker_s: float) -> Mains:
    """The state after reading `seen` at `now`. A loss and a return are told when they have held for `flicker_s`.

    The first reading is told at once; a reading that cannot be taken for UNSEEN_S makes mains unknown.
    """
    if seen is None:
        told = state.told if now - state.read_at < UNSEEN_S else None
        return Mains(told=told, seen=None if told is None else state.seen, since=state.since, read_at=state.read_at,
                     flickers=state.flickers)  # fmt: skip
    changed = seen != state.seen
    since = now if changed else state.since
    flicker = changed and seen and state.told is True and state.seen is False
    told = seen if state.told is None or now - since >= flicker_s else state.told
    return Mains(told=told, seen=seen, since=since, read_at=now, flickers=state.flickers + bool(flicker))


def source(told: bool | None) -> PowerSource:
    return "unknown" if told is None else "mains" if told else "battery"
