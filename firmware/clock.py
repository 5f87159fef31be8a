"""Time as people and the hub read it."""

import time
from datetime import UTC, datetime


def rfc3339(at_s: float) -> str:
    """`at_s` (Unix time) as UTC with milliseconds, `2026-11-22T10:00:00.123Z` (RFC 3339)."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_rfc3339() -> str:
    return rfc3339(time.time())
