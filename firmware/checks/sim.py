"""The SIM is the one that this unit was provisioned with: another one may be of another plan, or another unit's.

It may carry calls all the same, so the unit goes on with it; somebody is to look. Without a modem that answers the
second uplink's check speaks.
"""

from firmware.checks.reason import Reason
from firmware.facts import Status

SETTLE_S = 10.0  # a modem that has just come up does not yet read its card


def check(status: Status) -> Reason | None:
    modem = status.modem
    if not modem.iccid_expected or modem.iccid == modem.iccid_expected or modem.sim != "ready":
        return None
    words = (
        f"The SIM is another one ({modem.iccid}) than this unit's own."
        if modem.iccid
        else "It is not known which SIM is in."
    )
    return Reason("sim", "warning", f"{words} Tell your technician.", SETTLE_S)
