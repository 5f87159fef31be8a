"""The commands of the panel: muted, unmuted, pressed again, before and after the lamp is dark."""

from firmware.audio.mute.actions import SetGate, SetSwitch
from firmware.audio.mute.events import Commanded, SwitchRead, Tick
from firmware.audio.mute.machine import step
from firmware.audio.mute.turning import DARK_S
from tests.firmware.audio.mute.model import POLICY, PROVE_S, ran


def test_unmuted_is_shown_and_the_lamp_dark_before_the_gate_opens() -> None:
    model = ran()
    state, actions = step(model.state, Commanded(muted=False), model.now_s, POLICY)
    assert (state.lamp, actions) == ("live", ())
    for early in (Tick(), Commanded(muted=False), SwitchRead(off=True)):
        state, actions = step(state, early, model.now_s + DARK_S / 2, POLICY)
        assert (state.lamp, actions) == ("live", ())
    state, actions = step(state, Tick(), model.now_s + DARK_S, POLICY)
    assert actions == (SetSwitch(off=False), SetGate(shut=False))


def test_who_mutes_again_before_the_lamp_is_dark_is_muted() -> None:
    model = ran()
    model.command(False)
    model.run(DARK_S / 2)
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
