"""RFC 3339 times, UTC, to the millisecond."""

from datetime import UTC, datetime

LAST_S = 4_102_444_799.0  # the last second of 2099: what is later (or before 1970) is no time this system has seen


def rfc3339(at_s: float) -> str:
    """Seconds since the epoch as `2026-11-22T10:00:00.123Z`."""
    return datetime.fromtimestamp(round(at_s, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_s(text: str) -> float | None:
    """The inverse; None where `text` is no such time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo and 0 <= at.timestamp() <= LAST_S else None
