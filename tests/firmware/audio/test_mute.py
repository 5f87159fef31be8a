"""The mute machine: cases by table, and hypothesis driving the model of a headset through whatever can go wrong."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.audio import mute
from firmware.config import HeadsetPolicy
from tests.firmware.mute_model import POLICY, Model

PROVE_S = POLICY.prove_within_ms / 1000


def ran(seconds: float = 0.3, **faults: Any) -> Model:
    """A headset that was live for a second, then had `faults` and mute commanded, `seconds` ago."""
    model = Model()
    model.run(1.0)
    for name, value in faults.items():
        setattr(model, name, value)
    model.command(True)
    model.run(seconds)
    return model


def test_a_healthy_headset_is_proven_within_the_time_allowed() -> None:
    assert ran(PROVE_S).lamp == "muted"


def test_before_the_proof_the_lamp_is_not_lit() -> None:
    model = ran(0.02)
    assert (model.lamp, model.state.proven, model.far_end) == ("live", False, False)


@pytest.mark.parametrize("fault", ["lies", "set_fails", "silent_stream"])
def test_what_cannot_be_proven_is_a_fault_and_cut(fault: str) -> None:
    model = ran(**{fault: True})
    assert (model.lamp, model.state.gate_shut, model.far_end) == ("fault", True, False)


@pytest.mark.parametrize("fault", ["lies", "set_fails", "silent_stream"])
def test_a_fault_is_decided_so_early_that_the_lamp_has_time_to_say_it(fault: str) -> None:
    lit_ms = 25
    assert ran(PROVE_S - lit_ms / 1000, **{fault: True}).lamp == "fault"


def test_a_proof_that_comes_a_little_late_ends_the_fault_at_once() -> None:
    """The machine was busy: the switch was read back off in time, the silence was measured too late."""
    model = ran(0.05, silent_stream=True)
    lamps = []
    for stopped, seconds in ((True, PROVE_S - 0.05), (False, 0.02)):
        model.silent_stream = stopped
        model.run(seconds)
        lamps.append(model.lamp)
    assert lamps == ["fault", "muted"]


def test_a_stale_mixer_is_not_believed() -> None:
    """It goes on saying `on` although the switch is off: not proven, so fault; the sound is cut all the same."""
    model = ran(stale=True)
    assert (model.lamp, model.far_end) == ("fault", False)


def test_a_fault_ends_when_the_switch_works_again() -> None:
    model = ran(set_fails=True)
    model.set_fails = False
    model.run(1.0)
    assert model.lamp == "muted"


def test_a_pause_in_speech_is_not_taken_for_silence_once_the_switch_has_lied() -> None:
    model = ran(lies=True)
    model.speaking = False
    lamps = []
    for _ in range(2):
        model.run(POLICY.silence_after_fault_s * 0.6)
        lamps.append(model.lamp)
    assert lamps == ["fault", "muted"]


def test_the_first_sound_ends_the_proof() -> None:
    """Silent before the press and after: proven is all one can say, until somebody speaks."""
    model = ran(lies=True, speaking=False)
    assert model.lamp == "muted"
    model.speaking = True
    model.run(POLICY.period_ms / 1000 + 0.03)
    assert (model.lamp, model.far_end) == ("fault", False)


def test_a_capture_stream_that_stops_ends_the_proof() -> None:
    model = ran()
    model.silent_stream = True
    model.run(POLICY.unmeasured_ms / 1000 + 0.01)
    assert model.lamp == "fault"


def test_unmuted_is_shown_and_the_lamp_dark_before_the_gate_opens() -> None:
    model = ran()
    state, actions = mute.step(model.state, mute.Commanded(muted=False), model.now_s, POLICY)
    assert (state.lamp, actions) == ("live", ())
    for early in (mute.Tick(), mute.Commanded(muted=False), mute.SwitchRead(off=True)):
        state, actions = mute.step(state, early, model.now_s + mute.DARK_S / 2, POLICY)
        assert (state.lamp, actions) == ("live", ())
    state, actions = mute.step(state, mute.Tick(), model.now_s + mute.DARK_S, POLICY)
    assert actions == (mute.SetSwitch(off=False), mute.SetGate(shut=False))


def test_who_mutes_again_before_the_lamp_is_dark_is_muted() -> None:
    model = ran()
    model.command(False)
    model.run(mute.DARK_S / 2)
    model.command(True)
    model.run(PROVE_S)
    assert (model.lamp, model.far_end) == ("muted", False)


def test_a_switch_that_stays_off_after_unmute_is_a_fault_and_asked_again() -> None:
    model = ran()
    model.set_fails = True
    model.command(False)
    model.run(0.3)
    assert model.lamp == "fault"
    model.set_fails = False
    model.run(POLICY.retry_s)
    assert (model.lamp, model.far_end) == ("live", True)


def test_the_own_button_mutes_and_unmutes_and_the_panel_is_told() -> None:
    model = Model()
    model.run(1.0)
    model.button()
    model.run(0.3)
    assert (model.stored, model.lamp) == (True, "muted")
    model.button()
    model.run(0.3)
    assert (model.stored, model.lamp, model.far_end) == (False, "live", True)


@pytest.mark.parametrize("muted", [True, False])
def test_a_press_of_the_panel_wins_over_a_button_pressed_before_and_seen_after(muted: bool) -> None:
    """The switch was turned and nobody told us; the panel asks for what is already commanded."""
    model = ran()
    model.command(muted)
    model.run(1.0)
    model.switch_off = not muted
    model.command(muted)
    model.run(0.3)
    assert (model.stored, model.lamp, model.far_end) == (muted, "muted" if muted else "live", not muted)
    model.run(2.0)
    assert (model.stored, model.lamp) == (muted, "muted" if muted else "live")


def test_who_presses_again_and_again_does_not_put_off_the_fault() -> None:
    model = ran(0.0, set_fails=True)
    for _ in range(8):
        model.run(0.02)
        model.command(True)
    assert model.lamp == "fault"


def test_a_press_in_a_fault_does_not_make_a_pause_in_speech_silence() -> None:
    model = ran(lies=True)
    model.speaking = False
    model.command(True)
    model.run(POLICY.silence_after_fault_s / 2)
    assert model.lamp == "fault"


def test_a_button_that_only_says_so_mutes_and_unmutes_and_the_panel_is_told() -> None:
    model = Model()
    model.run(1.0)
    model.press_hid()
    model.run(0.4)
    assert (model.stored, model.lamp) == (True, "muted")
    model.press_hid()
    model.run(0.4)
    assert (model.stored, model.lamp, model.far_end) == (False, "live", True)


def test_a_headset_that_turns_its_switch_and_says_so_was_pressed_once() -> None:
    model = Model()
    model.run(1.0)
    model.button()
    model.run(0.1)
    model.press_hid()
    model.run(0.4)
    assert (model.stored, model.lamp) == (True, "muted")


def test_a_press_before_the_command_is_known_says_nothing() -> None:
    assert mute.step(mute.State(), mute.Pressed(), 1.0, POLICY) == (mute.State(), ())


def test_a_contrary_reading_soon_after_being_asked_is_an_echo_not_a_button() -> None:
    model = ran(0.05)
    state, actions = mute.step(model.state, mute.SwitchRead(off=False), model.now_s, POLICY)
    assert state.muted
    assert not actions


def test_a_button_pressed_right_after_the_panel_counts_once_the_mixer_has_settled() -> None:
    model = ran(0.1)
    model.button()
    model.run(0.3)
    assert (model.stored, model.lamp, model.far_end) == (False, "live", True)


def test_what_was_captured_before_the_switch_was_read_back_proves_nothing() -> None:
    model = ran(0.0)
    state, _ = mute.step(model.state, mute.Heard(period_s=0.1, silent_tail_s=0.1), model.now_s + 0.02, POLICY)
    assert state.lamp == "live"


def test_sound_right_after_the_proof_is_a_fault_too() -> None:
    """A pause of 30 ms was taken for silence; the next word says otherwise."""
    model = ran(0.1)
    assert model.lamp == "muted"
    state, _ = mute.step(model.state, mute.Heard(period_s=0.01, silent_tail_s=0.0), model.now_s, POLICY)
    assert state.lamp == "fault"


def test_a_replug_comes_back_muted() -> None:
    model = ran()
    model.plug(False)
    assert model.lamp == "fault"
    model.run(1.0)
    model.plug(True)
    model.run(0.3)
    assert (model.lamp, model.far_end) == ("muted", False)


def test_a_crash_comes_back_muted_and_lets_nothing_through() -> None:
    model = ran()
    model.crash()
    model.run(0.5)
    assert not model.far_end
    model.start()
    model.run(0.3)
    assert model.lamp == "muted"


def test_without_a_headset_live_is_unknown_and_muted_a_fault() -> None:
    model = Model(attached=False)
    model.run(1.0)
    assert model.lamp is None
    model.command(True)
    model.run(0.3)
    assert model.lamp == "fault"


def test_without_a_gate_the_switch_alone_is_proven() -> None:
    model = ran(gate_shut=None)
    assert (model.lamp, model.state.gate_shut) == ("muted", None)


def test_nothing_is_due_while_nothing_is_awaited() -> None:
    model = Model()
    model.run(1.0)
    assert mute.due_s(model.state, HeadsetPolicy()) is None


class Headset(RuleBasedStateMachine):
    """Whatever happens, in whatever order: the lamp does not lie, and is not dark on a muted microphone."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()

    @rule(muted=st.booleans())
    def press(self, muted: bool) -> None:
        self.model.command(muted)

    @rule(milliseconds=st.sampled_from([5, 10, 25, 60, 140, 160, 400, 1_000]))
    def wait(self, milliseconds: int) -> None:
        for _ in range(milliseconds // 5):
            self.model.tick()
            self.model.check()

    @rule(fault=st.sampled_from(["set_fails", "lies", "stale", "silent_stream"]), on=st.booleans())
    def break_or_mend(self, fault: str, on: bool) -> None:
        setattr(self.model, fault, on)

    @rule(speaking=st.booleans())
    def speak(self, speaking: bool) -> None:
        self.model.speaking = speaking

    @rule()
    def own_button(self) -> None:
        self.model.button()

    @rule()
    def own_button_that_only_says_so(self) -> None:
        self.model.press_hid()

    @rule(attached=st.booleans())
    def replug(self, attached: bool) -> None:
        self.model.plug(attached)

    @rule(after_ms=st.sampled_from([0, 100, 1_000]))
    def crash(self, after_ms: int) -> None:
        self.model.crash()
        self.model.run(after_ms / 1000)
        self.model.start()

    @invariant()
    def holds(self) -> None:
        self.model.check()


TestHeadset = Headset.TestCase
TestHeadset.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
