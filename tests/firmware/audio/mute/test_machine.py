"""The mute machine as a whole: replugged, crashed, with parts missing, and back from a fault."""

from firmware.audio.mute.state import due_s
from firmware.config import HeadsetPolicy
from tests.firmware.audio.mute.model import Model, ran


def test_a_fault_ends_when_the_switch_works_again() -> None:
    model = ran(set_fails=True)
    model.set_fails = False
    model.run(1.0)
    assert model.lamp == "muted"


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
    assert due_s(model.state, HeadsetPolicy()) is None
