"""What LTE may cost: megabytes (10^6 bytes) of this month, forecast, and how probing, status and updates obey.

Voice and panics never ask here. Pure; the counter is the interface's own, which starts at nothing with each boot.
"""

import calendar
from datetime import datetime

from msgspec import Struct

from firmware.config import FailoverPolicy
from firmware.failover.probing import EXCHANGE_BYTES

MB = 1e6
MONTH_S = 31 * 86_400.0
MAX_STRETCH = 6.0
FIRST_DAY = 1 / 31  # a forecast from less than a day is noise: take the day as whole


class Usage(Struct, frozen=True):
    """Bytes of `month` (YYYY-MM), and the interface's counter when they were counted."""

    month: str = ""
    used_bytes: int = 0
    counter_bytes: int = 0


def counted(usage: Usage, month: str, counter_bytes: int) -> Usage:
    """After reading the interface's counter; one that is smaller than before began anew."""
    since = counter_bytes - usage.counter_bytes
    more = since if since >= 0 else counter_bytes
    return Usage(month, more if month != usage.month else usage.used_bytes + more, counter_bytes)


def elapsed(at: datetime) -> float:
    """How much of its month has passed, 0 to 1."""
    days = calendar.monthrange(at.year, at.month)[1]
    return (at.day - 1 + (at.hour * 60 + at.minute) / 1440) / days


def forecast_mb(usage: Usage, part: float) -> float:
    """This month's total if it goes on as it went so far; `part` of the month has passed."""
    return usage.used_bytes / MB / max(part, FIRST_DAY)


def idle_mb(interval_ms: float) -> float:
    """What a month (31 days) of probing each `interval_ms` takes, headers and answers included."""
    return MONTH_S / (interval_ms / 1000) * EXCHANGE_BYTES / MB


def frugal(policy: FailoverPolicy, usage: Usage, part: float) -> bool:
    """The plan will not last the month: what can wait must wait."""
    return forecast_mb(usage, part) > policy.lte_plan_mb


def stretch(policy: FailoverPolicy, usage: Usage, part: float) -> float:
    """By how much LTE probing in standby slows down: to its own share always, further when the plan runs out."""
    share = max(idle_mb(policy.lte_ms) / policy.lte_idle_mb, 1.0)
    return min(max(share, forecast_mb(usage, part) / policy.lte_plan_mb), max(MAX_STRETCH, share))
