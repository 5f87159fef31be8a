"""Nobody is in this unit from afar, or may come, without its dispatcher seeing it on the lamp."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    found = status.remote_help
    if found.state in (None, "off"):
        return None
    if found.who:
        return Reason("remote_help", "warning", f"Somebody is in this unit from afar: {', '.join(found.who)}.")
    until = found.until[11:16]
    return Reason("remote_help", "warning", f"Remote help may come into this unit until {until} UTC.")
