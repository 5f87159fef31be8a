"""What a survey writes down: samples at a steady pace, and every change of what may fail at once. Pure.

Times: `at` is seconds since 1970 by the unit's clock, for people; what lasts is counted by a clock that never steps.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from firmware.facts import Status, Uplink, UplinkKind

SHORTEST_S, LONGEST_S, MOST_SAMPLES = 1.0, 30.0, 10_000


class Begin(Struct, frozen=True, tag="begin"):
    """The first line of a survey: whose it is and how long it is to be."""

    unit: str
    version: str
    at: float
    length_s: float
    every_s: float


class Resume(Struct, frozen=True, tag="resume"):
    """Measuring goes on here; nothing is known of the time since the line before."""

    at: float


class Line(Struct, frozen=True):
    """One uplink over the time a sample covers: means, and the greatest round trip. None: not measured."""

    name: str
    kind: UplinkKind
    active: bool
    rtt_ms: float | None
    rtt_max_ms: float | None
    jitter_ms: float | None
    loss: float | None


class Sample(Struct, frozen=True, tag="sample"):
    """The last `covers_s` seconds before `at`. `loss` is a fraction, `clock_ms` a bound of the clock's error."""

    at: float
    covers_s: float
    lines: tuple[Line, ...] = ()
    two_kinds: bool | None = None
    signal_dbm: float | None = None
    minutes_left: float | None = None
    clock_ms: float | None = None
    noise_dbfs: float | None = None


class Event(Struct, frozen=True, tag="event"):
    """`what` is now `now`: an uplink's state, the hub (yes, no), mains (mains, battery); `unknown` when nobody says."""

    at: float
    what: str
    now: str


Entry = Begin | Resume | Sample | Event


def every_s(length_s: float) -> float:
    """The time between two samples: short surveys are fine-grained, long ones stay readable."""
    return min(LONGEST_S, max(SHORTEST_S, length_s / MOST_SAMPLES))


class Window(Struct, frozen=True):
    """What was seen since the last sample."""

    since: float
    seen: tuple[Status, ...] = ()


def see(window: Window, status: Status) -> Window:
    """With one more status document."""
    return replace(window, seen=(*window.seen, status))


def close(window: Window, at: float, now: float) -> tuple[Sample, Window]:
    """The sample of the window that ends at `now`, and the next window, which begins with what was seen last."""
    covers_s = max(0.0, now - window.since)
    if not window.seen:
        return Sample(at=at, covers_s=covers_s), Window(since=now)
    return _sample(window.seen, at, covers_s), Window(since=now, seen=window.seen[-1:])


def _sample(seen: Sequence[Status], at: float, covers_s: float) -> Sample:
    last = seen[-1]
    names = [each.name for each in last.uplinks]
    signal, error = (each.modem.signal_dbm for each in seen), (each.clock.error_ms for each in seen)
    left = (each.power.minutes_at_least for each in seen)
    return Sample(
        at=at,
        covers_s=covers_s,
        lines=tuple(_line([each for status in seen for each in status.uplinks if each.name == name]) for name in names),
        two_kinds=all(_two_kinds(each) for each in seen) if names else None,
        signal_dbm=_mean(signal),
        minutes_left=_worst(left, min),
        clock_ms=_worst(error, max),
        noise_dbfs=_mean(each.headset.noise_floor_dbfs for each in seen),
    )


def _line(seen: Sequence[Uplink]) -> Line:
    """While it is down nothing is measured: that is told by the events."""
    alive = [each for each in seen if each.state != "down"]
    return Line(
        name=seen[-1].name,
        kind=seen[-1].kind,
        active=seen[-1].active,
        rtt_ms=_mean(each.rtt_ms for each in alive),
        rtt_max_ms=_worst((each.rtt_ms for each in alive), max),
        jitter_ms=_mean(each.jitter_ms for each in alive),
        loss=_mean(each.loss for each in alive),
    )


def _two_kinds(status: Status) -> bool:
    return len({each.kind for each in status.uplinks if each.state == "up"}) >= 2


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return round(sum(known) / len(known), 4) if known else None


def _worst(values: Iterable[float | None], of: Callable[[list[float]], float]) -> float | None:
    known = _known(values)
    return of(known) if known else None


def watched(status: Status | None) -> dict[str, str]:
    """Everything whose changes are events, as it is now; nothing where the unit says nothing."""
    if status is None:
        return {}
    connected = {True: "yes", False: "no", None: "unknown"}[status.hub.connected]
    uplinks = {each.name: each.state for each in status.uplinks}
    return {**uplinks, "hub": connected, "mains": status.power.source}


def events(before: dict[str, str], after: dict[str, str], at: float) -> tuple[Event, ...]:
    """What changed; what is no longer told of is unknown."""
    now = {**dict.fromkeys(before, "unknown"), **after}
    return tuple(Event(at=at, what=what, now=state) for what, state in now.items() if before.get(what) != state)
