"""What can happen to one uplink, as the strike machine is told it, and the pace it is probed at."""

from msgspec import Struct


class Pace(Struct, frozen=True):
    """How an uplink is probed now: what it costs and how much it matters decide (see `firmware.failover.pace`).

    `patient`: while all is well nobody waits for an answer, so it may be looked for when the next probe is due.
    """

    interval_ms: float = 50.0
    down_ms: float = 100.0
    quick_ms: float = 10.0
    burst_ms: float = 100.0
    floor_ms: float = 20.0
    ceiling_ms: float = 400.0
    patient: bool = False


class Sent(Struct, frozen=True):
    """A probe left now."""


class Answered(Struct, frozen=True):
    """The probe sent at `sent_at` was answered now, by the hub beyond doubt."""

    sent_at: float
    rtt_ms: float
    one_way_ms: float


class Carrier(Struct, frozen=True):
    """The link is there (carrier and an address), or it is not."""

    up: bool
    reason: str = "no carrier"


class Traffic(Struct, frozen=True):
    """Authenticated traffic of the hub came through this uplink's own tunnel just now."""


class Other(Struct, frozen=True):
    """A target besides the hub answered through this uplink now."""


class Near(Struct, frozen=True):
    """The uplink's own gateway answered now: the cable is good, and nothing is said of what lies behind."""


class Paced(Struct, frozen=True):
    """From now on the uplink is probed like this."""

    pace: Pace


class Wanted(Struct, frozen=True):
    """Proof is wanted now: a probe is due at once."""


class Tick(Struct, frozen=True):
    """Time went by."""


Fact = Sent | Answered | Carrier | Traffic | Other | Near | Paced | Wanted | Tick
