"""What proves a mute, and what ends the proof."""

import pytest

from firmware.audio.mute.events import Heard
from firmware.audio.mute.machine import step
from tests.firmware.audio.mute.model import POLICY, PROVE_S, ran


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


def test_what_was_captured_before_the_switch_was_read_back_proves_nothing() -> None:
    model = ran(0.0)
    state, _ = step(model.state, Heard(period_s=0.1, silent_tail_s=0.1), model.now_s + 0.02, POLICY)
    assert state.lamp == "live"


def test_sound_right_after_the_proof_is_a_fault_too() -> None:
    """A pause of 30 ms was taken for silence; the next word says otherwise."""
    model = ran(0.1)
    assert model.lamp == "muted"
    state, _ = step(model.state, Heard(period_s=0.01, silent_tail_s=0.0), model.now_s, POLICY)
    assert state.lamp == "fault"
