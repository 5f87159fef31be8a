"""A command carried out: both switches are turned, and what was measured before counts no more. Pure.

Coming out of mute the state is `live` before any switch is opened, by as long as the lamp may take to go dark: sound
never passes under a lit lamp of ours.
"""

from msgspec.structs import replace

from firmware.audio.mute.actions import SetGate, SetSwitch
from firmware.audio.mute.state import Phase, State, Step
from firmware.config import HeadsetPolicy

DARK_S = 0.05  # from the word `live` to a lamp that is dark: the bus, a file, the panel


def commanded(state: State, muted: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    """A press that changes what is commanded, or says it again. Out of a proof the switches wait for the dark lamp."""
    if muted == state.muted:
        return _pressed_again(state, now_s, policy)
    phase: Phase = "turning" if muted or state.attached else "unknown"
    after = replace(state, muted=muted, since_s=now_s, phase=phase)
    if state.phase == "proven":
        return replace(after, agreed_at_s=None, opens_at_s=now_s + DARK_S), ()
    return turn(after, now_s, policy)


def _pressed_again(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """The headset's own button may have been pressed before and not been seen yet, so both switches are turned anew.

    It gives a mute that waits for its proof no more time, and a fault no easier end.
    """
    if state.opens_at_s is not None:
        return state, ()
    if state.phase in ("turning", "fault"):
        again, actions = turn(state, now_s, policy, afresh=True)
        return replace(again, needs_s=state.needs_s), actions
    phase: Phase = "turning" if state.muted or state.attached else "unknown"
    return turn(replace(state, since_s=now_s, phase=phase), now_s, policy, afresh=True)


def turn(state: State, now_s: float, policy: HeadsetPolicy, afresh: bool = False) -> Step:
    """Everything measured before now counts no more; both switches are turned, the gate first when shutting."""
    state = replace(state, agreed_at_s=None, off=None, opens_at_s=None, asked_at_s=now_s)
    state = replace(state, quiet_s=0.0, needs_s=policy.silence_ms / 1000)
    muted = bool(state.muted)
    gate, switch = SetGate(shut=muted), SetSwitch(off=muted, afresh=afresh)
    return state, ((gate, switch) if muted else (switch, gate)) if state.attached else ()
