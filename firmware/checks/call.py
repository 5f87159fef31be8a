"""The softphone is there and registered with the agency."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.call.state is None:
        return Reason("call", "unknown", "It is not known whether calls can come in.")
    if status.call.registered is False:
        return Reason("call", "unsafe", "The telephone is not registered at the centre.")
    return None
