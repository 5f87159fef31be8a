"""No update is half done."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.update.state in ("idle", ""):
        return None
    return Reason("update", "warning", f"An update is in progress ({status.update.state}).")
