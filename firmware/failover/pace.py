"""How often each uplink is probed: one table, by kind and by what it is for now. Pure.

A wired path costs nothing, so it is asked often; LTE is asked as little as its part allows, and less where the plan is
running out (`stretch`, see `firmware.failover.budget`).
"""

from typing import Literal

from firmware.config import FailoverPolicy
from firmware.facts import UplinkKind
from firmware.failover.health import Pace

Part = Literal["active", "urgent", "standby"]


def part(active: bool, urgent: bool) -> Part:
    """What an uplink is for now. `urgent`: a call is on, or the active uplink is in doubt."""
    return "active" if active else "urgent" if urgent else "standby"


def pace(policy: FailoverPolicy, kind: UplinkKind, of: Part, stretch: float = 1.0) -> Pace:
    """The pace of one uplink."""
    return _ethernet(policy, of) if kind == "ethernet" else _lte(policy, of, stretch)


def _ethernet(policy: FailoverPolicy, of: Part) -> Pace:
    interval = {"active": policy.wired_ms, "urgent": policy.wired_ms, "standby": policy.wired_standby_ms}
    return Pace(
        interval_ms=interval[of],
        down_ms=policy.wired_down_ms,
        quick_ms=policy.wired_quick_ms,
        burst_ms=policy.burst_ms,
        floor_ms=policy.floor_ms,
        patient=of == "standby",
    )


def _lte(policy: FailoverPolicy, of: Part, stretch: float) -> Pace:
    interval = {"active": policy.lte_active_ms, "urgent": policy.lte_urgent_ms, "standby": policy.lte_ms * stretch}
    return Pace(
        interval_ms=interval[of],
        down_ms=interval[of],
        quick_ms=policy.lte_quick_ms,
        burst_ms=policy.lte_burst_ms,
        floor_ms=policy.lte_floor_ms,
    )
