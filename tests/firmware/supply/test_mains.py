"""Mains, debounced: every flicker counted, none told; every loss and return told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.supply.mains import UNSEEN_S, Mains, debounce, source

FLICKER_S = 0.3


def play(readings: list[tuple[float, bool | None]]) -> Mains:
    state = Mains()
    for now, seen in readings:
        state = debounce(state, seen, now, FLICKER_S)
    return state


@pytest.mark.parametrize(
    ("readings", "told", "flickers"),
    [
        ([(0, True)], True, 0),
        ([(0, False)], False, 0),
        ([(0, None)], None, 0),
        ([(0, True), (1, False), (1.29, False)], True, 0),
        ([(0, True), (1, False), (1.31, False)], False, 0),
        ([(0, True), (1, False), (1.2, True)], True, 1),
        ([(0, True), (1, False), (1.2, True), (2, False), (2.2, True)], True, 2),
        ([(0, False), (1, True), (1.2, False), (5, False)], False, 0),
        ([(0, False), (1, True), (1.4, True)], True, 0),
        ([(0, True), (1, None), (UNSEEN_S - 0.1, None)], True, 0),
        ([(0, True), (1, None), (UNSEEN_S + 0.1, None)], None, 0),
        ([(0, True), (4.99, None)], True, 0),
        ([(0, True), (5, None)], None, 0),
        ([(-1, True), (0, False), (FLICKER_S, False)], False, 0),
        ([(0, True), (8, False), (8.5, True), (8.5 + FLICKER_S, True)], True, 1),
        ([(0, True), (1, False), (1.1, None), (1.35, False)], False, 0),
        ([(0, True), (1, False), (7, None), (7.1, False), (7.2, True), (7.3, True)], False, 0),
    ],
)
def test_histories(readings: list[tuple[float, bool | None]], told: bool | None, flickers: int) -> None:
    state = play(readings)
    assert (state.told, state.flickers) == (told, flickers)


@given(st.lists(st.tuples(st.floats(0.05, 0.25), st.booleans()), max_size=60), st.booleans())
def test_whatever_came_before_a_steady_mains_is_told_within_a_flicker_and_a_reading(
    steps: list[tuple[float, bool]], last: bool
) -> None:
    now, state = 0.0, Mains()
    for step_s, seen in steps:
        now += step_s
        state = debounce(state, seen, now, FLICKER_S)
    for _ in range(3):
        now += 0.25
        state = debounce(state, last, now, FLICKER_S)
    assert state.told is last


def test_words() -> None:
    assert [source(told) for told in (True, False, None)] == ["mains", "battery", "unknown"]
