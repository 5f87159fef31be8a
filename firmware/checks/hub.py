"""The hub: the agency hears this unit."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.hub.connected is None:
        return Reason("hub", "unknown", "It is not known whether the centre hears this unit.")
    if not status.hub.connected:
        return Reason("hub", "unsafe", "The centre does not hear this unit.")
    return None
