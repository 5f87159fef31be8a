"""The battery's age: what its last test found it to hold against what it held when new, and when it is to be replaced.

A battery of unknown age is no reason by itself: nobody has tested it yet, its minutes are bounded all the same (widely,
from its rating), and of those the power check speaks. The self test says that it was not tested.
"""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    power = status.power
    if not power.replace:
        return None
    holds = "" if power.health_percent is None else f" It holds {power.health_percent:.0f} % of what it held when new."
    by = f" by {power.replace_by}" if power.replace_by else ""
    return Reason("battery_age", "warning", f"The battery is to be replaced{by}.{holds} Tell your technician.")
