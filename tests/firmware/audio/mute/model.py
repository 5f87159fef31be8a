"""A headset in a model: what its switches do, what passes, and what the mute machine is told of it. No sound, no I/O.

Time goes in ticks of 5 ms. `upstream` is what passes the capture switch, `far_end` what also passes the gate.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from firmware.audio.mute.actions import Action, SetGate, SetSwitch, Store
from firmware.audio.mute.events import Attached, Commanded, Event, GateRead, Heard, Pressed, SwitchRead, Tick
from firmware.audio.mute.machine import step
from firmware.audio.mute.state import State, due_s
from firmware.config import HeadsetPolicy
from firmware.facts import MuteState

TICK_S = 0.005
PATH_TICKS = 4  # what is read now was captured 20 ms ago
POLICY = HeadsetPolicy()
PROVE_S = POLICY.prove_within_ms / 1000


@dataclass
class Model:
    """Faults are plain switches: turn them, press, speak, replug, crash, and `run` time."""

    speaking: bool = True
    switch_off: bool = False
    gate_shut: bool | None = False
    attached: bool = True
    set_fails: bool = False
    lies: bool = False
    stale: bool = False
    silent_stream: bool = False
    running: bool = True
    stored: bool = False
    now_s: float = 1_000.0
    state: State = field(default_factory=State)
    captured: deque[bool] = field(default_factory=lambda: deque([False] * 40, maxlen=40))
    unread: int = 0
    asked_s: float = 0.0
    shown_switch: bool = False

    def __post_init__(self) -> None:
        self.start()

    @property
    def upstream(self) -> bool:
        return self.attached and self.speaking and (self.lies or not self.switch_off)

    @property
    def far_end(self) -> bool:
        return self.upstream and not self.gate_shut

    @property
    def lamp(self) -> MuteState | None:
        return self.state.lamp if self.running else None

    def start(self) -> None:
        """The service begins: the stored command first, then the headset if it is there."""
        self.running, self.state, self.asked_s = True, State(), self.now_s
        self.happen(Commanded(muted=self.stored))
        if self.attached:
            self.happen(Attached(attached=True))

    def crash(self) -> None:
        self.running = False

    def command(self, muted: bool) -> None:
        """What the panel does: the file first."""
        if muted != self.stored or self.lamp in ("muted", "fault"):  # a press while one is being proven gives no time
            self.stored, self.asked_s = muted, self.now_s
        if self.running:
            self.happen(Commanded(muted=muted))

    def button(self) -> None:
        """The headset's own: it turns the switch, and the mixer says so."""
        if self.attached:
            self.switch_off = not self.switch_off
            if self.lamp in ("muted", "fault"):  # as with a command: dark at once, and the rest takes its time
                self.asked_s = self.now_s
            self._tell()

    def press_hid(self) -> None:
        """The headset's own where it only says that it was pressed."""
        if self.attached and self.running:
            self.happen(Pressed())

    def plug(self, attached: bool) -> None:
        """A headset that comes back comes with everything open."""
        if attached == self.attached:
            return
        self.attached, self.unread, self.asked_s = attached, 0, self.now_s
        if attached:
            self.switch_off, self.gate_shut = False, None if self.gate_shut is None else False
        if self.running:
            self.happen(Attached(attached=attached))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.tick()

    def tick(self) -> None:
        self.now_s += TICK_S
        self.captured.append(self.upstream)
        self.unread += 1
        if not self.running:
            return
        if self.attached and not self.silent_stream and self.unread * TICK_S >= self._period_s():
            self._frame()
        due = due_s(self.state, POLICY)
        if due is not None and self.now_s >= due:
            self.happen(Tick())

    def _period_s(self) -> float:
        return (POLICY.proof_period_ms if self.state.awaits_silence else POLICY.period_ms) / 1000

    def _frame(self) -> None:
        ticks, self.unread = min(self.unread, 40 - PATH_TICKS), 0
        heard = list(islice(self.captured, 40 - ticks - PATH_TICKS, 40 - PATH_TICKS))
        tail = next((count for count, sound in enumerate(reversed(heard)) if sound), len(heard))
        if self.state.phase in ("open", "proven") and (tail == len(heard)) == (self.state.phase == "open"):
            self._tell()  # what is heard does not fit the switch: the service verifies it
        self.happen(Heard(period_s=ticks * TICK_S, silent_tail_s=tail * TICK_S))

    def _tell(self) -> None:
        if self.running and self.attached:
            self.happen(self._read())

    def _read(self) -> SwitchRead:
        if not self.stale:
            self.shown_switch = self.switch_off
        return SwitchRead(off=self.shown_switch)

    def happen(self, event: Event) -> None:
        events = deque([event])
        while events:
            self.state, actions = step(self.state, events.popleft(), self.now_s, POLICY)
            self.never_lit_wrongly()
            for action in actions:
                events.extend(self._act(action))
                self.never_lit_wrongly()

    def _act(self, action: Action) -> list[Event]:
        match action:
            case Store(muted=muted):
                self.stored, self.asked_s = muted, self.now_s
                return []
            case SetGate(shut=shut):
                self.gate_shut = None if self.gate_shut is None else shut
                return [GateRead(shut=self.gate_shut)]
            case SetSwitch(off=off):
                self.switch_off = self.switch_off if self.set_fails else off
                self.unread = 0
                return [self._read()]

    def check(self) -> None:
        """What must hold whenever the machine is at rest."""
        self.never_lit_wrongly()
        late = self.running and self.now_s - self.asked_s > PROVE_S + TICK_S
        assert not (late and self.stored and self.lamp not in ("muted", "fault")), "muted and dark"

    def never_lit_wrongly(self) -> None:
        """What must hold at any time, between two actions too."""
        assert not (self.lamp == "muted" and self.gate_shut is not None and self.far_end), "lit while sound passes"
        if self.lamp == "muted":
            assert self.stored, "lit without having been asked for"
            assert self.state.off, "lit with the switch on, or not read"
            assert self.attached, "lit without a headset"


def ran(seconds: float = 0.3, **faults: Any) -> Model:
    """A headset that was live for a second, then had `faults` and mute commanded, `seconds` ago."""
    model = Model()
    model.run(1.0)
    for name, value in faults.items():
        setattr(model, name, value)
    model.command(True)
    model.run(seconds)
    return model
