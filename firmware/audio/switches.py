"""The switches of the headset in use: turned, read when the mixer has news, asked afresh before one is believed.

A mixer may go on showing what was before, and PulseAudio's does not tell of everything. Thin shell.
"""

import asyncio
from contextlib import AbstractContextManager
from typing import Protocol

from firmware.audio.mute.events import Event, GateRead, SwitchRead
from firmware.audio.mute.state import State
from firmware.audio.streams import Streams
from firmware.drivers.headset_alsa import Headset

VERIFY_S = 0.06


class InUse(Protocol):
    """Whose switches they are: the headset, None while it is not there, and who takes what they say."""

    headset: Headset | None
    state: State

    def happen(self, event: Event) -> None: ...
    def losing(self) -> AbstractContextManager[None]: ...


class Switches:
    def __init__(self, of: InUse, streams: Streams) -> None:
        self.of, self.streams = of, streams
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._verified_at_s = 0.0

    @property
    def verified_s(self) -> float:
        """How long ago they were asked afresh."""
        return self._loop.time() - self._verified_at_s

    def turn(self, headset: Headset, off: bool, afresh: bool) -> SwitchRead:
        """What was captured before the switch was read back says nothing about it: it is dropped."""
        if afresh:
            self.streams.ask_afresh(headset)
        found = SwitchRead(off=headset.switch.turn(off) if headset.switch else None)
        headset.read()
        return found

    def news(self) -> None:
        """The mixer's: the headset's own button, or an echo of ourselves; looked at now, and verified later."""
        self._look()
        if self.of.headset and not self._later:
            self._later = self._loop.call_later(VERIFY_S, self.verify)

    def _look(self) -> None:
        """A mixer that shows what was before would open the microphone: it is not believed at once."""
        headset = self.of.headset
        if not headset:
            return
        with self.of.losing():
            if headset.switch and self.of.state.muted and not headset.switch.read():
                self.streams.ask_afresh(headset)
            self._tell(headset)

    def verify(self) -> None:
        """Asked afresh, and told in any case: asking takes in the mixer's news, so nobody else will tell."""
        self._later, self._verified_at_s = None, self._loop.time()
        headset = self.of.headset
        if not headset:
            return
        with self.of.losing():
            self.streams.ask_afresh(headset)
            self._tell(headset)

    def _tell(self, headset: Headset) -> None:
        gate, switch = headset.gate, headset.switch
        self.of.happen(GateRead(shut=gate.read() if gate else None))
        if self.of.headset is headset:
            self.of.happen(SwitchRead(off=switch.read() if switch else None))
