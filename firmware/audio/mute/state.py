"""What the mute machine knows, what the lamp may say of it, and when it must decide at the latest. Pure."""

from typing import Literal

from firmware.audio.mute.actions import Action
from firmware.config import HeadsetPolicy
from firmware.facts import Fact, MuteState

DECIDED = 0.8  # of the time allowed for a proof: the rest is for the word's way to the lamp and to the hub
LIAR_S = 1.0  # how often a switch that agrees and lies is asked again: asking drops what was captured

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


def due_s(state: State, policy: HeadsetPolicy) -> float | None:
    """When a Tick is needed at the latest if nothing else happens; None: never."""
    if state.opens_at_s is not None:
        return state.opens_at_s
    match state.phase:
        case "proven":
            return (state.heard_at_s or state.since_s) + policy.unmeasured_ms / 1000
        case "turning":
            return state.since_s + decided_s(policy)
        case "fault" if state.attached:
            return state.asked_at_s + (policy.retry_s if state.agreed_at_s is None else LIAR_S)
    return None


def decided_s(policy: HeadsetPolicy) -> float:
    """How long after a press what is not proven is a fault, so that the lamp says so within `prove_within_ms`."""
    return DECIDED * policy.prove_within_ms / 1000
