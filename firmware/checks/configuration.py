"""The configuration is whole; a bad file gives way to the last good one, and that is said."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if not status.configuration_faults:
        return None
    count = len(status.configuration_faults)
    return Reason("configuration", "warning", f"The settings of this unit have {count} fault(s). Tell your technician.")
