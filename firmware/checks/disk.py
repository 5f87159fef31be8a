"""The spool has room for the next panics, and somebody carries them to the centre."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.hub.spool_full is None:
        return Reason("disk", "unknown", "It is not known whether this unit can keep and send a PANIC.")
    if status.hub.spool_full:
        return Reason("disk", "unsafe", "The storage of this unit is full. Call your technician.")
    return None
