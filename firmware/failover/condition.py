"""What is known of one uplink: the state of the strike machine. Pure data, and the questions asked of it."""

from msgspec import Struct

from firmware.facts import UplinkState
from firmware.failover.estimate import RoundTrip, loss
from firmware.failover.evidence import Pace

NEVER = float("inf")
OTHER_FRESH_S = 2.0


class Health(Struct, frozen=True):
    """What is known of one uplink. `poor` says why it is unfit although it reaches the hub; times are in s.

    `proof_at` is when the newest answered probe was *sent*, `proven_since` when the first one since it was down,
    `missed_at` when the newest missing one, `trouble_at` when the trouble began, `well_since` since when it has been
    neither down nor poor. `timeout_s` follows from `path` and `pace` (see `firmware.failover.timing`).
    """

    state: UplinkState = "unknown"
    poor: str = ""
    reason: str = "not yet probed"
    carrier: bool | None = None
    pace: Pace = Pace()
    path: RoundTrip = RoundTrip()
    timeout_s: float = Pace().ceiling_ms / 1000
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
    near_at: float = -NEVER
    trouble_at: float | None = None
    well_since: float | None = None


def lossy(health: Health) -> float | None:
    """Loss over the last probes, 0 to 1."""
    return loss(health.window, health.seen)


def hub_silent(health: Health, now: float) -> bool:
    """The hub does not answer here, but others do: this uplink is not what is broken."""
    return health.state == "down" and health.carrier is not False and now - health.other_at <= OTHER_FRESH_S


def dead_behind(health: Health, now: float) -> bool:
    """Nobody answers here but the uplink's own gateway: what is broken lies behind it."""
    silent = health.state == "down" and health.carrier is not False and not hub_silent(health, now)
    return silent and now - health.near_at <= OTHER_FRESH_S
