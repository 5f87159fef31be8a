"""The panel: its service runs, says what it shows, and every contact is wired as it should be."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    panel = status.panel
    if panel.faults:
        words = f"The button panel has a fault ({', '.join(panel.faults)}). Call your technician."
        return Reason("panel", "unsafe", words)
    if panel.lamps.safe == "off":  # a panel in charge shows some verdict; only one that says nothing shows none
        return Reason("panel", "unknown", "It is not known whether the buttons work.")
    return None
