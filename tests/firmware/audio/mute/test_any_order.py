"""Hypothesis drives the model of a headset through whatever can go wrong."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.firmware.audio.mute.model import Model


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


def test_its_own_button_just_after_a_proof_makes_it_live_and_dark_and_so_it_is_written() -> None:
    """Its own button mutes, the panel says so once more, and its own button again: found by the machine above."""
    model = Model()
    model.run(0.5)
    model.button()
    model.run(0.015)
    model.command(True)
    model.run(0.145)
    assert (model.lamp, model.stored) == ("muted", True)
    model.button()
    model.check()
    model.run(0.05)
    assert (model.lamp, model.stored, model.far_end) == ("live", False, True)
