"""What the mute machine asks for, each answered by an event: the switch, the gate, the command on disk. Pure."""

from firmware.facts import Fact


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
