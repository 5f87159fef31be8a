"""The microphone in use: carries out what firmware.audio.mute decides, and feeds it what ALSA says. Thin shell."""

import asyncio
import logging
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware import facts
from firmware.audio import level, measured
from firmware.audio.command import CommandFile
from firmware.audio.mute import machine, own_button
from firmware.audio.mute.actions import Action, SetGate, SetSwitch, Store
from firmware.audio.mute.events import Attached, Commanded, Event, GateRead, Heard, Tick
from firmware.audio.mute.state import State, due_s
from firmware.audio.streams import Streams
from firmware.audio.switches import Switches
from firmware.config import HeadsetPolicy
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_alsa import RATE_HZ, Headset
from firmware.drivers.headset_usb import NAME

log = logging.getLogger("microphone")


class Microphone:
    """One microphone, plugged in or not. `changed` is called after each step, before its actions are carried out."""

    def __init__(self, file: Path, policy: HeadsetPolicy, changed: Callable[[], None]) -> None:
        self.command, self.policy, self.changed = CommandFile(file), policy, changed
        self.state, self.meter = State(), level.Meter()
        self.headset: Headset | None = None
        self.streams = Streams(self._captured, lambda: self.switches.news())
        self.switches = Switches(self, self.streams)
        self.gone = asyncio.Event()
        self.overruns = 0
        self._level_dbfs: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.listeners: list[Callable[[array[int]], None]] = []

    def fact(self) -> facts.Headset:
        """What is measured now, for the bus."""
        name = self.headset.names.name if self.headset else None
        self._level_dbfs = level.shown(self._level_dbfs, self.meter.level_dbfs) if self.headset else None
        return measured.fact(name, self.state, self.meter, self._level_dbfs, self.overruns)

    def playback(self) -> str | None:
        """The ALSA name tones are played on, behind the limiters; None while there is no headset."""
        return NAME if self.headset else None

    def obey(self) -> None:
        """Carries out what the panel asked for since it was last obeyed."""
        for press in self._pressed():
            self.happen(press)

    def _pressed(self) -> list[Event]:
        muted = self.command.pressed()
        return [] if muted is None else [Commanded(muted=muted)]

    def happen(self, event: Event) -> None:
        """One event, and all that follows from it. What may be the headset's own button gives way to the panel's."""
        events = deque((self._pressed() if own_button.may_tell(event) else ()) or [event])
        with self.losing():
            while events:
                events.extend(self._step(events.popleft()))
            self._pace()
        self._set_timer()

    def _step(self, event: Event) -> list[Event]:
        before = self.state
        self.state, actions = machine.step(before, event, self._loop.time(), self.policy)
        if self.state.phase != before.phase:
            log.info("mute", extra={"phase": self.state.phase, "was": before.phase, "muted": self.state.muted})
        self.changed()
        return [found for action in actions for found in self._act(action)]

    def _act(self, action: Action) -> list[Event]:
        match action:
            case Store(muted=muted):
                return [] if self.command.store(muted) else self._pressed()
            case SetGate(shut=shut):
                gate = self.headset.gate if self.headset else None
                return [GateRead(shut=gate.turn(shut) if gate else None)]
            case SetSwitch(off=off, afresh=afresh):
                return [self.switches.turn(self.headset, off, afresh)] if self.headset else []

    def _pace(self) -> None:
        """Short periods while a mute waits for its proof, from a stream begun after the switch was read back."""
        if self.headset:
            awaits = self.state.awaits_silence
            self.streams.pace(self.headset, self.policy.proof_period_ms if awaits else self.policy.period_ms)

    def attach(self, headset: Headset) -> None:
        """Takes a headset that was just opened into use, with the mute state it had."""
        self.headset, self.meter = headset, level.Meter()
        self.gone.clear()
        log.info("headset is there", extra={"headset": headset.names.name})
        self.happen(Attached(attached=True))
        if self.headset:
            self.streams.listen(headset)

    @contextmanager
    def losing(self) -> Iterator[None]:
        """A headset that goes meanwhile is closed, and that it has gone is an event."""
        try:
            yield
        except HeadsetGone as error:
            self._lose(error)

    def _lose(self, error: HeadsetGone) -> None:
        if self.headset is None:
            return
        log.warning("%s", error)
        self.streams.deaf()
        self.headset.close()
        self.headset = None
        self.gone.set()
        self.happen(Attached(attached=False))

    def _captured(self) -> None:
        with self.losing():
            if self.headset:
                self._take(self.headset)

    def _take(self, headset: Headset) -> None:
        samples = headset.read()
        self.overruns += headset.overruns
        headset.overruns = 0
        for listener in self.listeners:
            listener(samples)
        if samples:
            self._heard(level.measure(samples, RATE_HZ, self.policy.silence_dbfs))

    def _heard(self, period: level.Period) -> None:
        silent = period.silent_tail_s >= period.period_s
        if own_button.suspected(self.state, silent, self.switches.verified_s):
            self.switches.verify()
        live = self.state.phase == "open"
        self.meter = level.meter(self.meter, period, live, self.policy)
        self.happen(Heard(period_s=period.period_s, silent_tail_s=period.silent_tail_s))

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = due_s(self.state, self.policy)
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        """An open switch under a mute is taken for the headset's own button: not on the word of an old mixer."""
        if self.state.muted and self.state.off is False:
            self.switches.verify()
        self.happen(Tick())
