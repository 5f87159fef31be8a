"""What the mute machine is told: the presses, what was read back, what was heard. Pure."""

from firmware.facts import Fact


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
