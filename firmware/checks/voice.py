"""The voice of the call in progress (ITU-T G.107, Annex B: R under 80 dissatisfies some users, under 70 many).

The first figures take as long as the first RTCP report (5 s, RFC 3550, 6.2); only then is an unknown one a reason.
"""

from firmware.checks.reason import Reason
from firmware.facts import Status

WARN_R, UNSAFE_R = 80.0, 70.0
FIRST_FIGURES_S = 6.0


def check(status: Status) -> Reason | None:
    r_factor = status.call.r_factor
    if status.call.state != "active" or status.call.held:
        return None
    if r_factor is None:
        words = "The voice quality of this call is not known."
        return Reason("voice", "warning", words, settle_s=FIRST_FIGURES_S)
    if r_factor < UNSAFE_R:
        return Reason("voice", "unsafe", "The voice quality is too poor for a call.")
    return Reason("voice", "warning", "The voice quality is not good.") if r_factor < WARN_R else None
