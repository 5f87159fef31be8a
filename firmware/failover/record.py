"""A decision with all the facts it was made from: what the log, the page and the hub get to read. Pure."""

from msgspec import Struct

from firmware import facts
from firmware.failover.condition import NEVER, Health, dead_behind, hub_silent, lossy
from firmware.failover.policy import Facts, Grade, Move, Uplink, Why, grade
from firmware.failover.steering import Steering


class Seen(Struct, frozen=True):
    """One uplink as it was when the decision was made. Times are how long ago, None: never."""

    name: str
    kind: str
    grade: Grade
    reason: str
    carrier: bool | None
    rtt_ms: float | None
    jitter_ms: float | None
    one_way_ms: float | None
    loss: float | None
    misses: int
    proven_ms_ago: float | None
    well_s: float | None


class Decision(Struct, frozen=True):
    """`outage_ms` runs from the last proof of the uplink that was left to the moment the routes were changed."""

    at: str
    why: Why
    to: str
    origin: str | None
    outage_ms: float | None
    acted_ms: float
    in_call: bool | None
    panic: bool | None
    uplinks: tuple[Seen, ...]


def decision(move: Move, given: Facts, now: float, at: str, acted_ms: float) -> Decision:
    """`now` is when it was decided, `acted_ms` how long the routes then took."""
    outage_ms = None if move.outage_ms is None else _round(move.outage_ms + acted_ms * (move.why == "fail-over"))
    seen = tuple(_seen(each, now) for each in given.uplinks)
    return Decision(at, move.why, move.to, move.origin, outage_ms, round(acted_ms, 1), given.in_call, given.panic, seen)


def _seen(uplink: Uplink, now: float) -> Seen:
    health = uplink.health
    return Seen(
        name=uplink.name,
        kind=uplink.kind,
        grade=grade(health, now),
        reason=reason(health, now),
        carrier=health.carrier,
        rtt_ms=_round(health.path.srtt_ms),
        jitter_ms=jitter_ms(health),
        one_way_ms=_round(health.one_way_ms),
        loss=lossy(health),
        misses=health.misses,
        proven_ms_ago=_round((now - health.proof_at) * 1000) if health.proof_at > -NEVER else None,
        well_s=None if health.well_since is None else _round(now - health.well_since),
    )


def jitter_ms(health: Health) -> float | None:
    return None if health.path.srtt_ms is None else _round(health.path.rttvar_ms)


def _round(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def shown(steering: Steering, now: float) -> tuple[facts.Uplink, ...]:
    """The uplinks as everybody sees them; one whose hub alone is silent is suspect, not down."""
    return tuple(_shown(each, steering.state.active, now) for each in steering.facts.uplinks)


def _shown(uplink: Uplink, active: str | None, now: float) -> facts.Uplink:
    health = uplink.health
    return facts.Uplink(
        name=uplink.name,
        kind=uplink.kind,
        state="suspect" if hub_silent(health, now) else health.state,
        active=uplink.name == active,
        rtt_ms=_round(health.path.srtt_ms),
        jitter_ms=jitter_ms(health),
        loss=lossy(health),
        reason=reason(health, now),
    )


def reason(health: Health, now: float) -> str:
    """Why an uplink is not up, in words; empty where it is."""
    if hub_silent(health, now):
        return "the hub is silent, others answer"
    return "silent, but its gateway answers" if dead_behind(health, now) else health.reason
