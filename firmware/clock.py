"""Time as people and the hub read it."""

from datetime import UTC, datetime


def now_rfc3339() -> str:
    """UTC with milliseconds, `2026-11-22T10:00:00.123Z` (RFC 3339)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
