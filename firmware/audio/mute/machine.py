"""Proven mute: the machine that decides what the lamp may say about the microphone. Pure; time is a number.

The lamp is lit steady only while all of this holds: mute is commanded; the capture switch was read back off since; and
since then nothing above `silence_dbfs` came out of the capture stream, for at least `silence_ms`, measured no longer
ago than `unmeasured_ms`. The first sound ends it: fault, at once.
"""

from msgspec.structs import replace

from firmware.audio.mute.actions import SetGate, SetSwitch
from firmware.audio.mute.events import Attached, Commanded, Event, GateRead, Heard, Pressed, SwitchRead, Tick
from firmware.audio.mute.own_button import pressed, turned_by_hand
from firmware.audio.mute.proof import heard
from firmware.audio.mute.state import Phase, State, Step, decided_s, due_s
from firmware.audio.mute.turning import commanded, turn
from firmware.config import HeadsetPolicy


def step(state: State, event: Event, now_s: float, policy: HeadsetPolicy) -> Step:
    """The state after `event`, and what to do about it, in order. Publish the state before acting on it."""
    match event:
        case Commanded(muted=muted):
            return commanded(state, muted, now_s, policy)
        case Attached(attached=attached):
            return _attached(state, attached, now_s, policy)
        case SwitchRead(off=off):
            return _switch_read(state, off, now_s, policy)
        case GateRead(shut=shut):
            return replace(state, gate_shut=shut), ()
        case Pressed():
            return pressed(state, now_s, policy)
        case Heard():
            return heard(state, event, now_s, policy)
        case Tick():
            return _tick(state, now_s, policy)


def _attached(state: State, attached: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    """A headset that comes back is given the mute state it had before anything is believed about it."""
    phase: Phase = "unknown" if not state.muted else "fault" if state.phase in ("fault", "proven") else "turning"
    state = replace(state, attached=attached, phase=phase, heard_at_s=None, gate_shut=None)
    if state.muted is None:
        return state, ()
    if not attached:
        return replace(state, off=None, agreed_at_s=None, quiet_s=0.0), ()
    phase = "fault" if phase == "fault" else "turning"
    return turn(replace(state, since_s=now_s, phase=phase), now_s, policy)


def _switch_read(state: State, off: bool | None, now_s: float, policy: HeadsetPolicy) -> Step:
    if state.muted is None or not state.attached:
        return replace(state, off=off), ()
    if off is state.muted:
        agreed = now_s if state.agreed_at_s is None else state.agreed_at_s
        return replace(state, off=off, agreed_at_s=agreed, phase=state.phase if state.muted else "open"), ()
    if off is None or state.agreed_at_s is None:
        late = now_s - state.since_s > decided_s(policy)
        return replace(state, off=off, agreed_at_s=None, quiet_s=0.0, phase="fault" if late else "turning"), ()
    if now_s - state.asked_at_s > policy.prove_within_ms / 1000:
        return turned_by_hand(state, off, now_s, policy)
    return replace(state, off=off, quiet_s=0.0, phase="fault" if state.phase == "fault" else "turning"), ()


def _tick(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """What was not proven in time, or is measured no more, is a fault; in a fault the switches are asked again.

    A switch that was read back off and has not been quiet for long enough yet is not asked: it may be any moment now.
    """
    due = due_s(state, policy)
    if due is None or now_s < due:
        return state, ()
    if state.opens_at_s is not None:
        return turn(replace(state, since_s=now_s), now_s, policy)
    if state.off is not None and state.off is not state.muted and state.agreed_at_s is not None:
        return turned_by_hand(state, state.off, now_s, policy)
    if state.phase == "turning" and state.agreed_at_s is not None:
        return replace(state, phase="fault"), ()
    again = state.phase == "fault"
    state = replace(state, phase="fault", quiet_s=state.quiet_s if again else 0.0, asked_at_s=now_s)
    gate = (SetGate(shut=True),) if state.muted else ()
    return state, (*gate, SetSwitch(off=bool(state.muted), afresh=again)) if state.attached else ()
