"""Mains, and enough battery to hand a call over."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    power = status.power
    if power.state in ("low", "ending"):
        return Reason("power", "unsafe", "The battery is nearly empty. Take no new call.")
    if power.source == "unknown" or power.state is None:
        return Reason("power", "unknown", "It is not known whether there is mains power.")
    if power.source == "battery":
        left = "for an unknown time" if power.minutes_left is None else f"for about {power.minutes_left:.0f} minutes"
        return Reason("power", "warning", f"There is no mains power. The battery lasts {left}.")
    return None
