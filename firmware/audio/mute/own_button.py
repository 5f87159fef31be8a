"""The headset's own button: told by its switch, by its press (HID), or by what is heard; each is one command. Pure."""

from msgspec.structs import replace

from firmware.audio.mute.actions import Store
from firmware.audio.mute.events import Event, Pressed, SwitchRead, Tick
from firmware.audio.mute.state import State, Step
from firmware.audio.mute.turning import commanded
from firmware.config import HeadsetPolicy

OWN_S = 0.3  # a headset that turns its switch and says that it was pressed was pressed once
SILENCE_ASKED_S = 1.0  # how often a silence that lasts is asked about


def may_tell(event: Event) -> bool:
    """Whether `event` may be its press: then what the panel was told meanwhile comes first."""
    return isinstance(event, Pressed | SwitchRead | Tick)


def suspected(state: State, silent: bool, verified_s: float) -> bool:
    """Digital silence from an open microphone, or sound from a muted one: was that the headset's own button?

    PulseAudio's mixer does not always tell, or later; what is heard does. A silence is asked about once a second at
    most while it lasts (`verified_s`: how long ago the switch was); the first sound always, because it ends the proof.
    """
    if state.phase == "proven":
        return not silent
    return silent and state.phase == "open" and verified_s >= SILENCE_ASKED_S


def turned_by_hand(state: State, off: bool, now_s: float, policy: HeadsetPolicy) -> Step:
    """The switch had agreed with the command and now says the opposite, unasked: the headset's own button.

    Within `prove_within_ms` of being asked a mixer may still show what was before: it counts if it then still says so.
    """
    state, actions = commanded(replace(state, own_at_s=now_s), off, now_s, policy)
    return state, (Store(muted=off), *actions)


def pressed(state: State, now_s: float, policy: HeadsetPolicy) -> Step:
    """The opposite of what is commanded; not where the switch has just told of the same press."""
    if state.muted is None or (state.own_at_s is not None and now_s - state.own_at_s < OWN_S):
        return state, ()
    return turned_by_hand(state, not state.muted, now_s, policy)
