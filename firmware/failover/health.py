"""The strike machine of one uplink: `step(health, fact, now) -> (health, next step at)`. Pure; time is a number (s).

            carrier                      an answer
    down ------------> unknown ---------------------------> up <--------------------------+
      ^                   |                                | ^                            |
      |                   | silent for                one  | | an answer before           | RECOVERED answers in a row,
      |                   | long enough              miss  | | the strikes are out        | neither lossy nor slow
      |                   v                                v |                            |
      +<---------------- down <-------------------------- suspect ------------------------+
      |  no carrier        |    silent: 3 misses over       ^
      |  (from anywhere)   |    burst + timeout + 2 quick   |
      |                    +--------------------------------+
                               an answer, however late

A *miss* is a probe unanswered after `srtt + 4 * rttvar` (RFC 6298) and never before `floor_ms`. The first miss makes
the uplink suspect and starts quick probes. Strikes are out when at least STRIKES probes, sent over a span longer than
the longest burst to be lived through plus the time it takes to notice, are all missing: a burst cannot do that, a dead
path needs no longer than that.

*Suspect* is also where an uplink is that reaches the hub but is unfit for voice (`poor`): lossy (Page's CUSUM over all
probes, a run of misses counting once, so that a burst is one loss), or slow (one-way over 150 ms, ITU-T G.114, three
times running). And where one is whose hub is silent while other targets answer (`hub_silent`);
its own gateway is none of them, since that answers on a line that is dead behind it.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from firmware.facts import UplinkState
from firmware.failover import fitness
from firmware.failover.condition import NEVER as NEVER
from firmware.failover.condition import Health as Health
from firmware.failover.condition import hub_silent as hub_silent
from firmware.failover.condition import lossy as lossy
from firmware.failover.estimate import MASK, WINDOW, RoundTrip, measured
from firmware.failover.evidence import Answered as Answered
from firmware.failover.evidence import Carrier as Carrier
from firmware.failover.evidence import Fact as Fact
from firmware.failover.evidence import Near as Near
from firmware.failover.evidence import Other as Other
from firmware.failover.evidence import Pace as Pace
from firmware.failover.evidence import Paced as Paced
from firmware.failover.evidence import Sent as Sent
from firmware.failover.evidence import Tick as Tick
from firmware.failover.evidence import Traffic as Traffic
from firmware.failover.evidence import Wanted as Wanted
from firmware.failover.timing import calm as calm
from firmware.failover.timing import due_at as due_at
from firmware.failover.timing import overdue as overdue
from firmware.failover.timing import probe_at as probe_at
from firmware.failover.timing import span_ms as span_ms
from firmware.failover.timing import timeout_s

STRIKES = 3
RECOVERED = 3
CONFIRM = 10  # quick probes after a run of misses: does it go on?


def step(health: Health, fact: Fact, now: float) -> tuple[Health, float]:
    """The uplink after `fact`, and when the machine must be asked again at the latest: to probe, or to count a miss."""
    after = happened(health, fact, now)
    return after, due_at(after)


def happened(health: Health, fact: Fact, now: float) -> Health:
    """The uplink after `fact`; first, every probe whose time is over becomes a miss, oldest first."""
    while health.pending and overdue(health, now):
        health = _missed(health, now)
    return _ON[type(fact)](health, fact, now)


def _missed(health: Health, now: float) -> Health:
    sent_at = health.pending[0]
    first = sent_at if health.misses == 0 else health.first_miss_at
    counted = replace(
        health,
        pending=health.pending[1:],
        misses=health.misses + 1,
        missed_at=sent_at,
        first_miss_at=first,
        confirm=CONFIRM,
        good=0,
        score=fitness.score_missed(health),
        window=(health.window << 1 | 1) & MASK,
        seen=min(health.seen + 1, WINDOW),
    )
    return _judged_miss(counted, sent_at, now)


def _judged_miss(health: Health, sent_at: float, now: float) -> Health:
    if health.state == "down":
        return health
    if health.misses >= STRIKES and (sent_at - health.first_miss_at) * 1000 >= span_ms(health) - 1e-6:
        return _to(health, "down", "silent", health.first_miss_at)
    if health.score >= fitness.LOSSY and not health.poor:
        return _to(replace(health, poor="lossy"), "suspect", "lossy", now)
    if health.state == "up":
        return _to(health, "suspect", "a probe is missing", health.first_miss_at)
    return health


def _answered(health: Health, fact: Answered, now: float) -> Health:
    pending, late = _without(health.pending, fact.sent_at)
    score = fitness.score_answered(health, late)
    if fact.sent_at < health.proof_at:  # overtaken by a later one: it tells of the past
        return replace(health, pending=pending, score=score)
    heard = replace(
        health,
        pending=pending,
        path=measured(health.path, fact.rtt_ms),
        misses=0,
        first_miss_at=NEVER,
        confirm=max(health.confirm - 1, 0),
        good=health.good + 1,
        score=score,
        slow=fitness.slow_after(health, fact.one_way_ms),
        one_way_ms=fact.one_way_ms,
        window=health.window if late else health.window << 1 & MASK,
        seen=health.seen if late else min(health.seen + 1, WINDOW),
        proof_at=fact.sent_at,
        proven_since=fact.sent_at if health.state in ("down", "unknown") else health.proven_since,
    )
    return _judged_answer(_timed(heard), now)


def _without(pending: tuple[float, ...], sent_at: float) -> tuple[tuple[float, ...], bool]:
    """What is still on its way, and whether the answer came after its probe was given up."""
    if pending and pending[0] == sent_at:
        return pending[1:], False
    if sent_at in pending:
        return tuple(each for each in pending if each != sent_at), False
    return pending, True


def _timed(health: Health) -> Health:
    return replace(health, timeout_s=timeout_s(health))


def _judged_answer(health: Health, now: float) -> Health:
    if health.carrier is False:  # it was on its way when the cable went: nothing would be sent to prove it by
        return health
    poor = fitness.poor(health)
    if poor:
        known = poor == health.poor and health.state == "suspect"
        return health if known else _to(replace(health, poor=poor), "suspect", poor, now)
    if health.state == "up":
        return health
    if health.state == "down":
        return _to(replace(health, good=1, poor=""), "suspect", "back, not yet proven", health.trouble_at)
    if health.state == "unknown" or health.well_since is not None or health.good >= RECOVERED:
        return _to(replace(health, poor=""), "up", "", None, health.well_since or now)
    return health if not health.poor else replace(health, poor="", reason="back, not yet proven", good=1)


def _to(
    health: Health, state: UplinkState, reason: str, trouble_at: float | None, well_since: float | None = None
) -> Health:
    """Into `state`; a doubt (suspect but not poor, from up) keeps `well_since`, anything worse ends it."""
    doubt = state == "suspect" and not health.poor and health.state == "up"
    kept = health.well_since if doubt else well_since
    return replace(health, state=state, reason=reason, trouble_at=trouble_at, well_since=kept)


def _sent(health: Health, _: Sent, now: float) -> Health:
    return replace(health, pending=(*health.pending, now), sent_at=now)


def _carrier(health: Health, fact: Carrier, now: float) -> Health:
    if fact.up is health.carrier:
        return health
    base = replace(health, carrier=fact.up, pending=(), misses=0, first_miss_at=NEVER, score=0.0, slow=0, poor="")
    if not fact.up:
        return _to(base, "down", fact.reason, now)
    anew = _timed(replace(base, sent_at=-NEVER, path=RoundTrip(), confirm=0))
    return _to(anew, "unknown", "not yet probed", now)


_ON: dict[type, Callable[[Health, Any, float], Health]] = {
    Sent: _sent,
    Answered: _answered,
    Carrier: _carrier,
    Traffic: lambda health, _, now: replace(health, traffic_at=now),
    Other: lambda health, _, now: replace(health, other_at=now),
    Near: lambda health, _, now: replace(health, near_at=now),
    Paced: lambda health, fact, _: _timed(replace(health, pace=fact.pace)),
    Wanted: lambda health, _, __: replace(health, sent_at=-NEVER),
    Tick: lambda health, _, __: health,
}
