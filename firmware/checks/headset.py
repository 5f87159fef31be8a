"""The headset is plugged in and seen."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.headset.present is None:
        return Reason("headset", "unknown", "It is not known whether the headset is there.")
    if not status.headset.present:
        return Reason("headset", "unsafe", "The headset is not plugged in.")
    return None
