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
times running). And where one is whose hub is silent while other targets answer (`hub_silent`).
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from firmware.facts import UplinkState
from firmware.failover.estimate import MASK, WINDOW, RoundTrip, loss, measured, timeout_ms
from firmware.failover.evidence import Answered as Answered
from firmware.failover.evidence import Carrier as Carrier
from firmware.failover.evidence import Fact as Fact
from firmware.failover.evidence import Other as Other
from firmware.failover.evidence import Pace as Pace
from firmware.failover.evidence import Paced as Paced
from firmware.failover.evidence import Sent as Sent
from firmware.failover.evidence import Tick as Tick
from firmware.failover.evidence import Traffic as Traffic
from firmware.failover.evidence import Wanted as Wanted

STRIKES = 3
RECOVERED = 3
CONFIRM = 10  # quick probes after a run of misses: does it go on?
MISS_SCORE, ANSWER_SCORE, LOSSY, SCORE_MAX = (
    3.0,
    -0.4,
    24.0,
    34.0,
)  # CUSUM: 2 % is quiet for years, 30 % is seen in 0.7 s
VOICE_ONE_WAY_MS = 150.0  # ITU-T G.114
SLOW, FAST_AGAIN = 3, 5
OTHER_FRESH_S = 2.0
NEVER = float("inf")


class Health(Struct, frozen=True):
    """What is known of one uplink. `poor` says why it is unfit although it reaches the hub; times are in s.

    `proof_at` is when the newest answered probe was *sent*, `proven_since` when the first one since it was down,
    `missed_at` when the newest missing one, `trouble_at` when the trouble began, `well_since` since
    when it has been neither down nor poor.
    """

    state: UplinkState = "unknown"
    poor: str = ""
    reason: str = "not yet probed"
    carrier: bool | None = None
    pace: Pace = Pace()
    path: RoundTrip = RoundTrip()
    pending: tuple[float, ...] = ()
    sent_at: float = -NEVER
    misses: int = 0
    first_miss_at: float = NEVER
    confirm: int = 0
    good: int = 0
    score: float = 0.0
    slow: int = 0
    one_way_ms: float | None = None
    window: int = 0
    seen: int = 0
    proof_at: float = -NEVER
    proven_since: float = -NEVER
    missed_at: float = -NEVER
    traffic_at: float = -NEVER
    other_at: float = -NEVER
    trouble_at: float | None = None
    well_since: float | None = None


def step(health: Health, fact: Fact, now: float) -> tuple[Health, float]:
    """The uplink after `fact`, and when the machine must be asked again at the latest: to probe, or to count a miss."""
    after = _ON[type(fact)](_expire(health, now), fact, now)
    return after, due_at(after)


def due_at(health: Health) -> float:
    """When the machine must be asked again at the latest."""
    return min(probe_at(health), _deadline(health))


def probe_at(health: Health) -> float:
    """When the next probe is due; never without a carrier."""
    return NEVER if not health.carrier else health.sent_at + _interval_ms(health) / 1000


def lossy(health: Health) -> float | None:
    """Loss over the last probes, 0 to 1."""
    return loss(health.window, health.seen)


def hub_silent(health: Health, now: float) -> bool:
    """The hub does not answer here, but others do: this uplink is not what is broken."""
    return health.state == "down" and health.carrier is not False and now - health.other_at <= OTHER_FRESH_S


def span_ms(health: Health) -> float:
    """Over how long a span of sending every probe must be missing before the strikes are out.

    Traffic that comes in proves one direction only, so it doubles the patience and no more.
    """
    pace = health.pace
    span = pace.burst_ms + _timeout_ms(health) + 2 * pace.quick_ms
    return 2 * span if health.traffic_at >= health.first_miss_at else span


def _timeout_ms(health: Health) -> float:
    return timeout_ms(health.path, health.pace.floor_ms, health.pace.ceiling_ms)


def _interval_ms(health: Health) -> float:
    if health.state == "down" or health.state == "unknown":
        return health.pace.down_ms
    if (health.misses or health.confirm) and not health.poor:
        return health.pace.quick_ms
    if health.poor == "slow" and health.slow < 0:  # fast just now: is it over?
        return health.pace.quick_ms
    return health.pace.interval_ms


def _deadline(health: Health) -> float:
    return health.pending[0] + _timeout_ms(health) / 1000 if health.pending else NEVER


def _expire(health: Health, now: float) -> Health:
    """Every probe whose time is over becomes a miss, oldest first."""
    while health.pending and health.pending[0] + _timeout_ms(health) / 1000 <= now:
        health = _missed(health, now)
    return health


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
        score=health.score if health.misses else min(health.score + MISS_SCORE, SCORE_MAX),
        window=(health.window << 1 | 1) & MASK,
        seen=min(health.seen + 1, WINDOW),
    )
    return _judged_miss(counted, sent_at, now)


def _judged_miss(health: Health, sent_at: float, now: float) -> Health:
    if health.state == "down":
        return health
    if health.misses >= STRIKES and (sent_at - health.first_miss_at) * 1000 >= span_ms(health) - 1e-6:
        return _to(health, "down", "silent", health.first_miss_at)
    if health.score >= LOSSY and not health.poor:
        return _to(replace(health, poor="lossy"), "suspect", "lossy", now)
    if health.state == "up":
        return _to(health, "suspect", "a probe is missing", health.first_miss_at)
    return health


def _answered(health: Health, fact: Answered, now: float) -> Health:
    pending, late = health.pending, fact.sent_at not in health.pending
    if not late:
        pending = tuple(each for each in pending if each != fact.sent_at)
    score = max(health.score - MISS_SCORE if late else health.score + ANSWER_SCORE, 0.0)  # late is slow, not lossy
    if fact.sent_at < health.proof_at:  # overtaken by a later one: it tells of the past
        return replace(health, pending=pending, score=score)
    slow = fact.one_way_ms > VOICE_ONE_WAY_MS
    heard = replace(
        health,
        pending=pending,
        path=measured(health.path, fact.rtt_ms),
        misses=0,
        first_miss_at=NEVER,
        confirm=max(health.confirm - 1, 0),
        good=health.good + 1,
        score=score,
        slow=max(health.slow, 0) + 1 if slow else min(health.slow, 0) - 1,
        one_way_ms=fact.one_way_ms,
        window=health.window if late else health.window << 1 & MASK,
        seen=health.seen if late else min(health.seen + 1, WINDOW),
        proof_at=fact.sent_at,
        proven_since=fact.sent_at if health.state in ("down", "unknown") else health.proven_since,
    )
    return _judged_answer(heard, now)


def _judged_answer(health: Health, now: float) -> Health:
    poor = _poor(health)
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


def _poor(health: Health) -> str:
    """Why the uplink is unfit for voice, with hysteresis: the score must be gone, fast answers must have come again."""
    if health.score >= LOSSY or (health.poor == "lossy" and health.score > 0):
        return "lossy"
    slow = SLOW if health.well_since is not None else 1  # one that is not yet known to be well has no credit
    if health.slow >= slow or (health.poor == "slow" and health.slow > -FAST_AGAIN):
        return "slow"
    return ""


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
    return _to(replace(base, sent_at=-NEVER, path=RoundTrip(), confirm=0), "unknown", "not yet probed", now)


_ON: dict[type, Callable[[Health, Any, float], Health]] = {
    Sent: _sent,
    Answered: _answered,
    Carrier: _carrier,
    Traffic: lambda health, _, now: replace(health, traffic_at=now),
    Other: lambda health, _, now: replace(health, other_at=now),
    Paced: lambda health, fact, _: replace(health, pace=fact.pace),
    Wanted: lambda health, _, __: replace(health, sent_at=-NEVER),
    Tick: lambda health, _, __: health,
}
