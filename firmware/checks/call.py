"""The softphone is there and registered with the agency.

It registers anew when the active uplink changes: only what lasts longer than that is a reason.
"""

from firmware.checks.reason import Reason
from firmware.facts import Status

REGISTERING_S = 1.0


def check(status: Status) -> Reason | None:
    if status.call.state is None:
        return Reason("call", "unknown", "It is not known whether calls can come in.")
    if status.call.registered is False:
        return Reason("call", "unsafe", "The telephone is not registered at the centre.")
    if status.call.registered is None:
        words = "It is not known whether the telephone is registered at the centre."
        return Reason("call", "unknown", words, settle_s=REGISTERING_S)
    return None
