"""Which uplink carries the unit: `decide(state, facts, now) -> (state, actions)`. Pure; one ordered table.

Over at once, back at leisure. The unit leaves an uplink that is not well for one that is better in the table *and has
been proven since the trouble began* (an answer from the hub to a probe sent after it): when the hub is what is dead no
uplink can show such proof, so a dead hub moves nothing. It goes back only when nobody is in a call and no panic waits
for an answer, and only to an uplink that has been well for its hold-down: `clean_s`, doubled for each time it had to be
left within `forgive_s`, up to `hold_max_s`.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from firmware.config import FailoverPolicy
from firmware.facts import UplinkKind
from firmware.failover.health import NEVER, Health, hub_silent

Grade = Literal["up", "doubt", "returning", "poor", "hub-silent", "unknown", "down", "cut"]
Why = Literal["boot", "fail-over", "fail-back"]

PREFERENCE: tuple[tuple[UplinkKind, Grade], ...] = (
    ("ethernet", "up"),
    ("lte", "up"),
    ("ethernet", "doubt"),
    ("lte", "doubt"),
    ("ethernet", "returning"),
    ("lte", "returning"),
    ("ethernet", "poor"),
    ("lte", "poor"),
    ("ethernet", "hub-silent"),
    ("lte", "hub-silent"),
    ("ethernet", "unknown"),
    ("lte", "unknown"),
    ("ethernet", "down"),
    ("lte", "down"),
    ("ethernet", "cut"),
    ("lte", "cut"),
)
RANK = {row: place for place, row in enumerate(PREFERENCE)}
CONTENT: frozenset[Grade] = frozenset(("up", "doubt", "returning"))  # it answers: the active one keeps its place
REACHES: frozenset[Grade] = frozenset(("up", "doubt", "returning", "poor"))


class Uplink(Struct, frozen=True):
    """One uplink as the policy sees it; `order` is its place in unit.toml."""

    name: str
    kind: UplinkKind
    order: int
    health: Health


class Facts(Struct, frozen=True):
    """All a decision is made from. None: not known, which is neither yes nor no."""

    uplinks: tuple[Uplink, ...]
    in_call: bool | None = None
    panic: bool | None = None


class Move(Struct, frozen=True):
    """The one action: let `to` carry the unit. `outage_ms`: how long the hub had not been reached by then, at most."""

    why: Why
    to: str
    origin: str | None = None
    outage_ms: float | None = None


class State(Struct, frozen=True):
    """What the policy remembers. `left_at` holds when each uplink had to be left (s), the newest last."""

    started_at: float
    active: str | None = None
    left_at: dict[str, tuple[float, ...]] = {}
    doubtful_since: float | None = None


def grade(health: Health, now: float) -> Grade:
    """An uplink's health as a row of the table."""
    if health.state == "down":
        return "cut" if health.carrier is False else "hub-silent" if hub_silent(health, now) else "down"
    if health.state != "suspect":
        return health.state
    return "poor" if health.poor else "doubt" if health.well_since is not None else "returning"


def rank(uplink: Uplink, now: float) -> tuple[int, int]:
    """Its place in the table, then in unit.toml; the least is the best."""
    return RANK[uplink.kind, grade(uplink.health, now)], uplink.order


def hold_s(policy: FailoverPolicy, state: State, name: str, now: float) -> float:
    """How long an uplink must have been well before the unit goes back to it."""
    left = [at for at in state.left_at.get(name, ()) if now - at <= policy.forgive_s]
    return min(policy.clean_s * 2.0 ** max(len(left) - 1, 0), policy.hold_max_s)


def decide(policy: FailoverPolicy, state: State, facts: Facts, now: float) -> tuple[State, tuple[Move, ...]]:
    """At most one move."""
    state = _aware(state, facts, now)
    active = next((each for each in facts.uplinks if each.name == state.active), None)
    others = [each for each in facts.uplinks if each is not active]
    if active is None:
        return _boot(state, others, now)
    if grade(active.health, now) in CONTENT:
        return _back(policy, state, active, others, facts, now)
    return _over(state, active, others, now)


def _aware(state: State, facts: Facts, now: float) -> State:
    """Since when it is not known whether somebody is in a call or waits for an answer."""
    unknown = facts.in_call is None or facts.panic is None
    if unknown == (state.doubtful_since is not None):
        return state
    return replace(state, doubtful_since=now if unknown else None)


def _boot(state: State, others: list[Uplink], now: float) -> tuple[State, tuple[Move, ...]]:
    """The first uplink that proves itself carries the unit, however good another one looks."""
    reaching = [each for each in others if grade(each.health, now) in REACHES]
    if not reaching:
        return state, ()
    best = min(reaching, key=lambda each: rank(each, now))
    return replace(state, active=best.name), (Move("boot", best.name),)


def _over(state: State, active: Uplink, others: list[Uplink], now: float) -> tuple[State, tuple[Move, ...]]:
    """At once, to the best that is better and proven since; in a call or not."""
    better = [each for each in others if rank(each, now)[0] < rank(active, now)[0] and _proven(each, active, now)]
    if not better:
        return state, ()
    best = min(better, key=lambda each: rank(each, now))
    left = {**state.left_at, active.name: (*state.left_at.get(active.name, ())[-15:], now)}
    move = Move("fail-over", best.name, active.name, outage_ms(active.health, now))
    return replace(state, active=best.name, left_at=left), (move,)


def outage_ms(health: Health, now: float) -> float | None:
    """How long an uplink has been out of touch with the hub, at most: since its carrier went or since the last answered
    probe left, whichever is later. None where it never was in touch."""
    lost_at = health.trouble_at if health.carrier is False and health.trouble_at is not None else health.proof_at
    return max(now - max(lost_at, health.proof_at), 0.0) * 1000 if health.proof_at > -NEVER else None


def _proven(candidate: Uplink, active: Uplink, now: float) -> bool:
    """The hub answered through `candidate` since the trouble of the active uplink began."""
    if grade(candidate.health, now) not in REACHES:
        return False
    since = active.health.trouble_at
    if since is None or active.health.carrier is False:
        return True
    return candidate.health.proof_at >= since and _asked_too(candidate, active)


def _asked_too(candidate: Uplink, active: Uplink) -> bool:
    """The active uplink, where it is silent, was asked since the candidate came back: when the hub does, all do."""
    return active.health.state != "down" or active.health.missed_at >= candidate.health.proven_since


def _back(
    policy: FailoverPolicy, state: State, active: Uplink, others: list[Uplink], facts: Facts, now: float
) -> tuple[State, tuple[Move, ...]]:
    """To a better one, when nobody would notice and it has been well for long enough; freely while booting."""
    place = (RANK[active.kind, "up"], active.order)
    better = [each for each in others if grade(each.health, now) == "up" and rank(each, now) < place]
    booting = now - state.started_at <= policy.boot_s and not state.left_at and not facts.in_call and not facts.panic
    well = [each for each in better if booting or _held(policy, state, each, now)]
    if not well or not (booting or _idle(policy, state, facts, now)):
        return state, ()
    best = min(well, key=lambda each: rank(each, now))
    return replace(state, active=best.name), (Move("fail-back", best.name, active.name, 0.0),)


def _held(policy: FailoverPolicy, state: State, uplink: Uplink, now: float) -> bool:
    since = uplink.health.well_since
    return since is not None and now - since >= hold_s(policy, state, uplink.name, now)


def _idle(policy: FailoverPolicy, state: State, facts: Facts, now: float) -> bool:
    """No call and no panic. Unknown is maybe, so it counts as a call until it has lasted `unknown_call_s`: a service
    that does not come back by then has no call."""
    if facts.in_call or facts.panic:
        return False
    return state.doubtful_since is None or now - state.doubtful_since >= policy.unknown_call_s
