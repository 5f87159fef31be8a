"""The microphone in use: carries out what firmware.audio.mute decides, and feeds it what ALSA says. Thin shell."""

import asyncio
import logging
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path

from firmware import facts
from firmware.audio import level, mute
from firmware.audio.command import CommandFile
from firmware.config import HeadsetPolicy
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_alsa import RATE_HZ, Headset
from firmware.drivers.headset_usb import NAME

VERIFY_S = 0.06
log = logging.getLogger("microphone")


class Microphone:
    """One microphone, plugged in or not. `changed` is called after each step, before its actions are carried out."""

    def __init__(self, file: Path, policy: HeadsetPolicy, changed: Callable[[], None]) -> None:
        self.command, self.policy, self.changed = CommandFile(file), policy, changed
        self.state, self.meter = mute.State(), level.Meter()
        self.headset: Headset | None = None
        self.gone = asyncio.Event()
        self.overruns = 0
        self._level_dbfs: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._verify: asyncio.TimerHandle | None = None
        self._verified_at_s = 0.0
        self._fds: list[int] = []
        self.listeners: list[Callable[[array[int]], None]] = []

    def fact(self) -> facts.Headset:
        """What is measured now, for the bus."""
        state, there = self.state, self.headset is not None
        self._level_dbfs = level.shown(self._level_dbfs, self.meter.level_dbfs) if there else None
        return facts.Headset(
            present=there,
            name=self.headset.names.name if self.headset else "",
            muted=state.off if there else None,
            mute_proven=state.proven,
            mute_state=state.lamp,
            capture_cut=state.gate_shut if there else None,
            level_dbfs=None if self._level_dbfs is None else round(self._level_dbfs),
            noise_floor_dbfs=None if self.meter.noise_floor_dbfs is None else round(self.meter.noise_floor_dbfs),
            clipping=self.meter.clipping if there else None,
            microphone_dead=self.meter.dead if there else None,
            overruns=self.overruns,
        )

    def playback(self) -> str | None:
        """The ALSA name tones are played on, behind the limiters; None while there is no headset."""
        return NAME if self.headset else None

    def obey(self) -> None:
        """Carries out what the panel asked for since it was last obeyed."""
        for press in self._pressed():
            self.happen(press)

    def _pressed(self) -> list[mute.Event]:
        muted = self.command.pressed()
        return [] if muted is None else [mute.Commanded(muted=muted)]

    def happen(self, event: mute.Event) -> None:
        """One event, and all that follows from it. What may be the headset's own button gives way to the panel's."""
        own = isinstance(event, mute.Pressed | mute.SwitchRead | mute.Tick)
        events = deque((self._pressed() if own else ()) or [event])
        try:
            while events:
                events.extend(self._step(events.popleft()))
            self._pace()
        except HeadsetGone as error:
            self._lose(error)
        self._set_timer()

    def _pace(self) -> None:
        """Short periods while a mute waits for its proof, from a stream begun after the switch was read back."""
        period_ms = self.policy.proof_period_ms if self.state.awaits_silence else self.policy.period_ms
        if self.headset and self._fds and self.headset.period_ms != period_ms:
            self._deaf()
            self.headset.listen(period_ms)
            self._listen(self.headset)

    def _step(self, event: mute.Event) -> list[mute.Event]:
        before = self.state
        self.state, actions = mute.step(before, event, self._loop.time(), self.policy)
        if self.state.phase != before.phase:
            log.info("mute", extra={"phase": self.state.phase, "was": before.phase, "muted": self.state.muted})
        self.changed()
        return [found for action in actions for found in self._act(action)]

    def _act(self, action: mute.Action) -> list[mute.Event]:
        match action:
            case mute.Store(muted=muted):
                return [] if self.command.store(muted) else self._pressed()
            case mute.SetGate(shut=shut):
                gate = self.headset.gate if self.headset else None
                return [mute.GateRead(shut=gate.turn(shut) if gate else None)]
            case mute.SetSwitch(off=off, afresh=afresh):
                return self._turn(self.headset, off, afresh) if self.headset else []

    def _turn(self, headset: Headset, off: bool, afresh: bool) -> list[mute.Event]:
        """What was captured before the switch was read back says nothing about it: it is dropped."""
        if afresh:
            self._ask_afresh(headset)
        found = mute.SwitchRead(off=headset.switch.turn(off) if headset.switch else None)
        headset.read()
        return [found]

    def attach(self, headset: Headset) -> None:
        """Takes a headset that was just opened into use, with the mute state it had."""
        self.headset, self.meter = headset, level.Meter()
        self.gone.clear()
        log.info("headset is there", extra={"headset": headset.names.name})
        self.happen(mute.Attached(attached=True))
        if self.headset:
            self._listen(headset)

    def _listen(self, headset: Headset) -> None:
        for fd in headset.capture_fds():
            self._loop.add_reader(fd, self._captured)
        for fd in headset.mixer_fds():
            self._loop.add_reader(fd, self._switched)
        self._fds = headset.capture_fds() + headset.mixer_fds()

    def _deaf(self) -> None:
        for fd in self._fds:
            self._loop.remove_reader(fd)
        self._fds.clear()

    def _captured(self) -> None:
        if not self.headset:
            return
        try:
            samples = self.headset.read()
        except HeadsetGone as error:
            self._lose(error)
            return
        self.overruns += self.headset.overruns
        self.headset.overruns = 0
        for listener in self.listeners:
            listener(samples)
        if samples:
            self._heard(level.measure(samples, RATE_HZ, self.policy.silence_dbfs))

    def _heard(self, period: level.Period) -> None:
        if self._unexpected(period):
            self._verified()
        live = self.state.phase == "open"
        self.meter = level.meter(self.meter, period, live, self.policy)
        self.happen(mute.Heard(period_s=period.period_s, silent_tail_s=period.silent_tail_s))

    def _unexpected(self, period: level.Period) -> bool:
        """Digital silence from an open microphone, or sound from a muted one: was that the headset's own button?

        PulseAudio's mixer does not always tell, or later; what is heard does. A silence is asked about once a second at
        most while it lasts; the first sound always, because it ends the proof.
        """
        silent = period.silent_tail_s >= period.period_s
        if self.state.phase == "proven":
            return not silent
        return silent and self.state.phase == "open" and self._loop.time() - self._verified_at_s >= 1.0

    def _switched(self) -> None:
        """The mixer has news: the headset's own button, or an echo of ourselves; looked at now, and verified later."""
        self._read_switches()
        if self.headset and not self._verify:
            self._verify = self._loop.call_later(VERIFY_S, self._verified)

    def _read_switches(self) -> None:
        """A mixer that shows what was before would open the microphone: it is not believed at once."""
        if not self.headset:
            return
        try:
            if self.headset.switch and self.state.muted and not self.headset.switch.read():
                self._ask_afresh(self.headset)
            self._tell_switches(self.headset)
        except HeadsetGone as error:
            self._lose(error)

    def _verified(self) -> None:
        """Asked afresh, and told in any case: asking takes in the mixer's news, so nobody else will tell."""
        self._verify, self._verified_at_s = None, self._loop.time()
        if not self.headset:
            return
        try:
            self._ask_afresh(self.headset)
            self._tell_switches(self.headset)
        except HeadsetGone as error:
            self._lose(error)

    def _tell_switches(self, headset: Headset) -> None:
        gate, switch = headset.gate, headset.switch
        self.happen(mute.GateRead(shut=gate.read() if gate else None))
        if self.headset is headset:
            self.happen(mute.SwitchRead(off=switch.read() if switch else None))

    def _ask_afresh(self, headset: Headset) -> None:
        """Where fresh mixers do not say the same as ours, they are listened to from now on."""
        if headset.verify():
            return
        log.info("the mixer showed what was before; asked afresh")
        self._deaf()
        self._listen(headset)

    def _lose(self, error: HeadsetGone) -> None:
        if self.headset is None:
            return
        log.warning("%s", error)
        self._deaf()
        self.headset.close()
        self.headset = None
        self.gone.set()
        self.happen(mute.Attached(attached=False))

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = mute.due_s(self.state, self.policy)
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        """An open switch under a mute is taken for the headset's own button: not on the word of an old mixer."""
        if self.state.muted and self.state.off is False:
            self._verified()
        self.happen(mute.Tick())
