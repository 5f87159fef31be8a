"""The headset's own button, as each kind of headset tells of it."""

from collections.abc import Callable

import pytest

from firmware.audio.mute.events import Pressed, SwitchRead
from firmware.audio.mute.machine import step
from firmware.audio.mute.own_button import suspected
from firmware.audio.mute.state import Phase, State
from tests.firmware.audio.mute.model import POLICY, Model, ran


@pytest.mark.parametrize("press", [Model.button, Model.press_hid], ids=["it turns a switch", "it only says so"])
def test_the_own_button_mutes_and_unmutes_and_the_panel_is_told(press: Callable[[Model], None]) -> None:
    model = Model()
    model.run(1.0)
    press(model)
    model.run(0.4)
    assert (model.stored, model.lamp) == (True, "muted")
    press(model)
    model.run(0.4)
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


def test_a_headset_that_turns_its_switch_and_says_so_was_pressed_once() -> None:
    model = Model()
    model.run(1.0)
    model.button()
    model.run(0.1)
    model.press_hid()
    model.run(0.4)
    assert (model.stored, model.lamp) == (True, "muted")


def test_a_press_before_the_command_is_known_says_nothing() -> None:
    assert step(State(), Pressed(), 1.0, POLICY) == (State(), ())


def test_a_contrary_reading_soon_after_being_asked_is_an_echo_not_a_button() -> None:
    model = ran(0.05)
    state, actions = step(model.state, SwitchRead(off=False), model.now_s, POLICY)
    assert state.muted
    assert not actions


def test_a_button_pressed_right_after_the_panel_counts_once_the_mixer_has_settled() -> None:
    model = ran(0.1)
    model.button()
    model.run(0.3)
    assert (model.stored, model.lamp, model.far_end) == (False, "live", True)


@pytest.mark.parametrize(
    ("phase", "silent", "verified_s", "asked"),
    [
        ("open", True, 1.0, True),
        ("open", True, 0.5, False),
        ("open", False, 9.0, False),
        ("proven", False, 0.0, True),
        ("proven", True, 9.0, False),
        ("turning", True, 9.0, False),
        ("fault", False, 9.0, False),
    ],
)
def test_what_is_heard_is_asked_about_where_it_does_not_fit_the_switch(
    phase: Phase, silent: bool, verified_s: float, asked: bool
) -> None:
    """A lasting silence of an open microphone once a second, the first sound of a muted one always."""
    assert suspected(State(phase=phase), silent, verified_s) is asked
