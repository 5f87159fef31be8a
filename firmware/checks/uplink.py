"""At least one uplink reaches the hub."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    states = {each.state for each in status.uplinks}
    if "up" in states:
        return None
    if states & {"suspect"}:
        return Reason("uplink", "unsafe", "No network line is steady.")
    if states and states <= {"down"}:
        return Reason("uplink", "unsafe", "No network line works.")
    return Reason("uplink", "unknown", "The network lines have not been measured yet.")
