"""The clock is within 100 ms of UTC (NENA 04-002, PSAP Master Clock Standard), or it is said that nobody knows."""

from firmware.checks.reason import Reason
from firmware.facts import Status

BOUND_MS = 100.0


def check(status: Status) -> Reason | None:
    if status.clock.error_ms is None:
        return Reason("clock", "warning", "It is not known whether the clock is right.")
    if status.clock.error_ms > BOUND_MS:
        return Reason("clock", "warning", f"The clock may be wrong by {status.clock.error_ms:.0f} ms.")
    return None
