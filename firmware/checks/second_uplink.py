"""A second uplink of another kind stands by for the first."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    kinds_up = {each.kind for each in status.uplinks if each.state == "up"}
    if not kinds_up or len(kinds_up) >= 2:  # with none up the uplink check speaks
        return None
    weak = ", ".join(each.name for each in status.uplinks if each.state != "up") or "none is fitted"
    return Reason("second_uplink", "warning", f"There is no second network line to fall back on (not ready: {weak}).")
