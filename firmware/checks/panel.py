"""The panel: its service runs and every contact is wired as it should be."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if not status.panel.faults:
        return None
    return Reason(
        "panel", "unsafe", f"The button panel has a fault ({', '.join(status.panel.faults)}). Call your technician."
    )
