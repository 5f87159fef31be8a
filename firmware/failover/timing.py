"""When the strike machine of an uplink must act: the next probe, the next miss, and how long silence is lived through.

A *calm* uplink (well, nothing missing, `pace.patient`) is looked at only when its next probe is due: its answer waits
in the socket with the kernel's time on it. That is for one that stands by. The active one is not patient: a random loss
just before a burst would then look like one silence too long to live through.
"""

from firmware.failover.condition import NEVER, Health
from firmware.failover.estimate import timeout_ms


def due_at(health: Health) -> float:
    """When the machine must be asked again at the latest: to probe, or to count a miss."""
    probe = probe_at(health)
    if not health.pending or calm(health):
        return probe
    overdue = health.pending[0] + health.timeout_s
    return overdue if overdue < probe else probe


def calm(health: Health) -> bool:
    """Nothing is in doubt here, and nobody waits for the answer."""
    return health.state == "up" and not health.misses and health.pace.patient


def probe_at(health: Health) -> float:
    """When the next probe is due; never without a carrier."""
    return health.sent_at + interval_ms(health) / 1000 if health.carrier else NEVER


def interval_ms(health: Health) -> float:
    """From one probe to the next, as things are."""
    if health.state == "down" or health.state == "unknown":
        return health.pace.down_ms
    if (health.misses or health.confirm) and not health.poor:
        return health.pace.quick_ms
    if health.poor == "slow" and health.slow < 0:  # fast just now: is it over?
        return health.pace.quick_ms
    return health.pace.interval_ms


def timeout_s(health: Health) -> float:
    """How long an answer may take on this path at this pace."""
    return timeout_ms(health.path, health.pace.floor_ms, health.pace.ceiling_ms) / 1000


def overdue(health: Health, now: float) -> bool:
    """Whether the time of the oldest probe on its way is over."""
    return bool(health.pending) and health.pending[0] + health.timeout_s <= now


def span_ms(health: Health) -> float:
    """Over how long a span of sending every probe must be missing before the strikes are out.

    Traffic that comes in proves one direction only, so it doubles the patience and no more.
    """
    pace = health.pace
    span = pace.burst_ms + health.timeout_s * 1000 + 2 * pace.quick_ms
    return 2 * span if health.traffic_at >= health.first_miss_at else span
