"""The voice of the call in progress (ITU-T G.107: R under 80 dissatisfies some users, under 70 many)."""

from firmware.checks.reason import Reason
from firmware.facts import Status

WARN_R, UNSAFE_R = 80.0, 70.0


def check(status: Status) -> Reason | None:
    r_factor = status.call.r_factor
    if status.call.state != "active" or r_factor is None or r_factor >= WARN_R:
        return None
    if r_factor < UNSAFE_R:
        return Reason("voice", "unsafe", "The voice quality is too poor for a call.")
    return Reason("voice", "warning", "The voice quality is not good.")
