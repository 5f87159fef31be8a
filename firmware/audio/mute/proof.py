"""What is heard under a mute: silence for long enough proves it, the first sound ends it. Pure.

What that proves, and what not: that no sound left the capture path, up to the last period measured. A room that is
silent to the last bit before the press leaves no fall of the noise floor to see, so a switch that lies is found only
at the first sound. That is why every mute also shuts the software gate, which stands between the point of measurement
and the softphone: that first sound is measured, and goes no further.
"""

from msgspec.structs import replace

from firmware.audio.mute.actions import SetGate, SetSwitch
from firmware.audio.mute.events import Heard
from firmware.audio.mute.state import State, Step
from firmware.config import HeadsetPolicy


def heard(state: State, period: Heard, now_s: float, policy: HeadsetPolicy) -> Step:
    """Counts only what was captured since the switch was read back off."""
    state = replace(state, heard_at_s=now_s)
    if not state.muted or not state.off or state.agreed_at_s is None:
        return state, ()
    silent = period.silent_tail_s >= period.period_s
    quiet_s = min(period.silent_tail_s + (state.quiet_s if silent else 0.0), now_s - state.agreed_at_s)
    state = replace(state, quiet_s=quiet_s)
    if not silent and _lies(state, now_s - period.silent_tail_s, policy):
        return _sound_while_muted(state, now_s, policy)
    return replace(state, phase="proven") if quiet_s >= state.needs_s else state, ()


def _lies(state: State, heard_at_s: float, policy: HeadsetPolicy) -> bool:
    """Sound after silence was proven, or later than the capture path could have kept it: the switch did not do it."""
    agreed_at_s = heard_at_s if state.agreed_at_s is None else state.agreed_at_s
    return state.phase == "proven" or heard_at_s - agreed_at_s > policy.prove_within_ms / 1000


def _sound_while_muted(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """Fault now, and a pause in somebody's speech will not be taken for silence again."""
    actions = (SetGate(shut=True), SetSwitch(off=True)) if state.phase == "proven" else ()
    asked_at_s = now_s if actions else state.asked_at_s
    return replace(state, phase="fault", needs_s=policy.silence_after_fault_s, asked_at_s=asked_at_s), actions
