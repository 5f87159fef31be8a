"""Proven mute: the machine that decides what the lamp may say about the microphone. Pure; time is a number.

The lamp is lit steady only while all of this holds: mute is commanded; the capture switch was read back off since; and
since then nothing above `silence_dbfs` came out of the capture stream, for at least `silence_ms`, measured no longer
ago than `unmeasured_ms`. The first sound ends it: fault, at once.

What that proves, and what not: that no sound left the capture path, up to the last period measured. A room that is
silent to the last bit before the press leaves no fall of the noise floor to see, so a switch that lies is found only
at the first sound. That is why every mute also shuts the software gate, which stands between the point of measurement
and the softphone: that first sound is measured, and goes no further.

Coming out of mute the state is `live` before any switch is opened, by as long as the lamp may take to go dark: sound
never passes under a lit lamp of ours.
"""

from typing import Literal

from msgspec.structs import replace

from firmware.config import HeadsetPolicy
from firmware.facts import Fact, MuteState

OWN_S = 0.3  # a headset that turns its switch and says that it was pressed was pressed once
DECIDED = 0.8  # of the time allowed for a proof: the rest is for the word's way to the lamp and to the hub
DARK_S = 0.05  # from the word `live` to a lamp that is dark: the bus, a file, the panel
LIAR_S = 1.0  # how often a switch that agrees and lies is asked again: asking drops what was captured


class Commanded(Fact, frozen=True):
    """The dispatcher's wish, pressed just now. The last press wins: what a switch says may be older than this one."""

    muted: bool


class Attached(Fact, frozen=True):
    """A headset is there and its capture stream runs (False: it has gone)."""

    attached: bool


class SwitchRead(Fact, frozen=True):
    """The capture switch as the card has it: off, on, or None where it cannot be read."""

    off: bool | None


class GateRead(Fact, frozen=True):
    """The software gate: shut, open, or None where there is none or it cannot be read."""

    shut: bool | None


class Pressed(Fact, frozen=True):
    """The headset's own button, where the headset says that it was pressed (HID)."""


class Heard(Fact, frozen=True):
    """One capture period: its length, and how much at its end was silent (all of it, or less)."""

    period_s: float
    silent_tail_s: float


class Tick(Fact, frozen=True):
    """Time has passed."""


Event = Commanded | Attached | SwitchRead | GateRead | Pressed | Heard | Tick


class SetSwitch(Fact, frozen=True):
    """Turn the capture switch, handle the mixer's events, read back, and say SwitchRead. `afresh`: by a mixer that was
    just opened, because one that already shows what is wanted, and is wrong, would do nothing."""

    off: bool
    afresh: bool = False


class SetGate(Fact, frozen=True):
    """Turn the software gate, and say GateRead."""

    shut: bool


class Store(Fact, frozen=True):
    """The headset's own button was pressed: write the new command durably, so that the panel agrees."""

    muted: bool


Action = SetSwitch | SetGate | Store
Phase = Literal["unknown", "turning", "proven", "fault", "open"]


class State(Fact, frozen=True):
    """`asked_at_s`: when the switch was last asked to turn. `quiet_s`: unbroken silence since it was read back.
    `own_at_s`: when the headset's own button was last pressed. `opens_at_s`: when the switches may be opened, once the
    lamp is dark."""

    muted: bool | None = None
    attached: bool = False
    phase: Phase = "unknown"
    since_s: float = 0.0
    asked_at_s: float = 0.0
    off: bool | None = None
    agreed_at_s: float | None = None
    quiet_s: float = 0.0
    needs_s: float = 0.0
    heard_at_s: float | None = None
    gate_shut: bool | None = None
    own_at_s: float | None = None
    opens_at_s: float | None = None

    @property
    def proven(self) -> bool | None:
        """Whether silence is measured now; None where mute is not asked for."""
        return self.phase == "proven" if self.muted else None

    @property
    def awaits_silence(self) -> bool:
        """Nothing but a short silence is missing for a proof, in time or late: what is measured now matters."""
        return self.phase == "turning" or (self.phase == "fault" and bool(self.off) and self.needs_s < LIAR_S)

    @property
    def lamp(self) -> MuteState | None:
        if self.phase == "fault":
            return "fault"
        if self.phase == "proven":
            return "muted"
        return "live" if self.attached and self.muted is not None else None


Step = tuple[State, tuple[Action, ...]]


def step(state: State, event: Event, now_s: float, policy: HeadsetPolicy) -> Step:
    """The state after `event`, and what to do about it, in order. Publish the state before acting on it."""
    match event:
        case Commanded(muted=muted):
            return _commanded(state, muted, now_s, policy)
        case Attached(attached=attached):
            return _attached(state, attached, now_s, policy)
        case SwitchRead(off=off):
            return _switch_read(state, off, now_s, policy)
        case GateRead(shut=shut):
            return replace(state, gate_shut=shut), ()
        case Pressed():
            return _pressed(state, now_s, policy)
        case Heard():
            return _heard(state, event, now_s, policy)
        case Tick():
            return _tick(state, now_s, policy)


def due_s(state: State, policy: HeadsetPolicy) -> float | None:
    """When a Tick is needed at the latest if nothing else happens; None: never."""
    if state.opens_at_s is not None:
        return state.opens_at_s
    match state.phase:
        case "proven":
            return (state.heard_at_s or state.since_s) + policy.unmeasured_ms / 1000
        case "turning":
            return state.since_s + _decided_s(policy)
        case "fault" if state.attached:
            return state.asked_at_s + (policy.retry_s if state.agreed_at_s is None else LIAR_S)
    return None


def _decided_s(policy: HeadsetPolicy) -> float:
    """How long after a press what is not proven is a fault, so that the lamp says so within `prove_within_ms`."""
    return DECIDED * policy.prove_within_ms / 1000


def _commanded(state: State, muted: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    if muted == state.muted:
        return _pressed_again(state, now_s, policy)
    phase: Phase = "turning" if muted or state.attached else "unknown"
    after = replace(state, muted=muted, since_s=now_s, phase=phase)
    if state.phase == "proven":
        return replace(after, agreed_at_s=None, opens_at_s=now_s + DARK_S), ()
    return _turn(after, now_s, policy)


def _pressed_again(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """The headset's own button may have been pressed before and not been seen yet, so both switches are turned anew.

    It gives a mute that waits for its proof no more time, and a fault no easier end.
    """
    if state.opens_at_s is not None:
        return state, ()
    if state.phase in ("turning", "fault"):
        again, actions = _turn(state, now_s, policy, afresh=True)
        return replace(again, needs_s=state.needs_s), actions
    phase: Phase = "turning" if state.muted or state.attached else "unknown"
    return _turn(replace(state, since_s=now_s, phase=phase), now_s, policy, afresh=True)


def _turn(state: State, now_s: float, policy: HeadsetPolicy, afresh: bool = False) -> Step:
    """Everything measured before now counts no more; both switches are turned, the gate first when shutting."""
    state = replace(state, agreed_at_s=None, off=None, opens_at_s=None, asked_at_s=now_s)
    state = replace(state, quiet_s=0.0, needs_s=policy.silence_ms / 1000)
    muted = bool(state.muted)
    gate, switch = SetGate(shut=muted), SetSwitch(off=muted, afresh=afresh)
    return state, ((gate, switch) if muted else (switch, gate)) if state.attached else ()


def _attached(state: State, attached: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    """A headset that comes back is given the mute state it had before anything is believed about it."""
    phase: Phase = "unknown" if not state.muted else "fault" if state.phase in ("fault", "proven") else "turning"
    state = replace(state, attached=attached, phase=phase, heard_at_s=None, gate_shut=None)
    if state.muted is None:
        return state, ()
    if not attached:
        return replace(state, off=None, agreed_at_s=None, quiet_s=0.0), ()
    phase = "fault" if phase == "fault" else "turning"
    return _turn(replace(state, since_s=now_s, phase=phase), now_s, policy)


def _switch_read(state: State, off: bool | None, now_s: float, policy: HeadsetPolicy) -> Step:
    if state.muted is None or not state.attached:
        return replace(state, off=off), ()
    if off is state.muted:
        agreed = now_s if state.agreed_at_s is None else state.agreed_at_s
        return replace(state, off=off, agreed_at_s=agreed, phase=state.phase if state.muted else "open"), ()
    if off is None or state.agreed_at_s is None:
        late = now_s - state.since_s > _decided_s(policy)
        return replace(state, off=off, agreed_at_s=None, quiet_s=0.0, phase="fault" if late else "turning"), ()
    if now_s - state.asked_at_s > policy.prove_within_ms / 1000:
        return _own_button(state, off, now_s, policy)
    return replace(state, off=off, quiet_s=0.0, phase="fault" if state.phase == "fault" else "turning"), ()


def _own_button(state: State, off: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    """The switch had agreed with the command and now says the opposite, unasked: the headset's own button.

    Within `prove_within_ms` of being asked a mixer may still show what was before: it counts if it then still says so.
    """
    state, actions = _commanded(replace(state, own_at_s=now_s), off, now_s, policy)
    return state, (Store(muted=off), *actions)


def _pressed(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """The opposite of what is commanded; not where the switch has just told of the same press."""
    if state.muted is None or (state.own_at_s is not None and now_s - state.own_at_s < OWN_S):
        return state, ()
    return _own_button(state, not state.muted, now_s, policy)


def _heard(state: State, heard: Heard, now_s: float, policy: HeadsetPolicy) -> Step:
    state = replace(state, heard_at_s=now_s)
    if not state.muted or not state.off or state.agreed_at_s is None:
        return state, ()
    silent = heard.silent_tail_s >= heard.period_s
    quiet_s = min(heard.silent_tail_s + (state.quiet_s if silent else 0.0), now_s - state.agreed_at_s)
    state = replace(state, quiet_s=quiet_s)
    if not silent and _lies(state, now_s - heard.silent_tail_s, policy):
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


def _tick(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """What was not proven in time, or is measured no more, is a fault; in a fault the switches are asked again.

    A switch that was read back off and has not been quiet for long enough yet is not asked: it may be any moment now.
    """
    due = due_s(state, policy)
    if due is None or now_s < due:
        return state, ()
    if state.opens_at_s is not None:
        return _turn(replace(state, since_s=now_s), now_s, policy)
    if state.off is not None and state.off is not state.muted and state.agreed_at_s is not None:
        return _own_button(state, state.off, now_s, policy)
    if state.phase == "turning" and state.agreed_at_s is not None:
        return replace(state, phase="fault"), ()
    again = state.phase == "fault"
    state = replace(state, phase="fault", quiet_s=state.quiet_s if again else 0.0, asked_at_s=now_s)
    gate = (SetGate(shut=True),) if state.muted else ()
    return state, (*gate, SetSwitch(off=bool(state.muted), afresh=again)) if state.attached else ()
