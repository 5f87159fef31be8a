"""MUTE can be proven: a microphone that may be open while the lamp says muted is not safe."""

from firmware.checks.reason import Reason
from firmware.facts import Status


def check(status: Status) -> Reason | None:
    if status.panel.mute == "fault" or status.headset.mute_state == "fault":
        return Reason("microphone", "unsafe", "MUTE cannot be proven. The microphone has been cut.")
    if status.headset.present and status.headset.mute_state is None:
        return Reason("microphone", "unknown", "It is not known whether the microphone is open.")
    return None
