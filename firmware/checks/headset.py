"""The headset is plugged in and heard: a working capsule always has a noise floor, so digital silence is a dead one."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.headset.present is None:
        return Reason("headset", "unknown", "It is not known whether the headset is there.")
    if not status.headset.present:
        return Reason("headset", "unsafe", "The headset is not plugged in.")
    if status.headset.microphone_dead:
        return Reason("headset", "unsafe", "Nothing is heard from the headset's microphone. Try another headset.")
    return None
