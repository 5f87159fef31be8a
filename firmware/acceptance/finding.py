"""What an acceptance finds, one thing at a time."""

from msgspec import Struct

from firmware.selftests.report import Outcome


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that was measured, in words."""

    part: str
    outcome: Outcome
    words: str
    took_s: float | None = None
