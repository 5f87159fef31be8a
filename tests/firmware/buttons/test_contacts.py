"""Debounce, press, stuck, chatter and wiring faults, by table and by property."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.buttons import contacts
from firmware.buttons.contacts import Button, Change, Timing, button, due, faults, sample, step

TIMING = Timing()
REST, PRESSED = (False, True), (True, False)
Sample = tuple[float, int, bool]


def play(
    samples: Iterable[Sample], until: float, state: Button | None = None
) -> tuple[Button, list[tuple[float, Change]]]:
    """Feeds samples in time order, stepping whenever something is due, as the service does."""
    state = state or button("panic", REST, 0.0)
    changes: list[tuple[float, Change]] = []
    for at, place, closed in [*sorted(samples), (until, -1, False)]:
        while (time := due(state, TIMING)) is not None and time < at:
            state, new = step(state, time, TIMING)
            changes += [(time, each) for each in new]
        if place >= 0:
            state, new = sample(state, place, closed, at, TIMING)
            changes += [(at, each) for each in new]
    state, new = step(state, until, TIMING)
    return state, changes + [(until, each) for each in new]


def press(at: float) -> list[Sample]:
    return [(at, 1, False), (at + 0.001, 0, True)]


def release(at: float) -> list[Sample]:
    return [(at, 0, False), (at + 0.001, 1, True)]


def only(changes: list[tuple[float, Change]]) -> list[Change]:
    return [change for _, change in changes]


def test_a_clean_press_counts_when_both_contacts_agree() -> None:
    _, changes = play(press(1.0), 2.0)
    assert only(changes) == ["press"]
    assert changes[0][0] == pytest.approx(1.001 + TIMING.agree_s)


def test_two_contacts_that_agree_for_less_are_no_press() -> None:
    spike = [(1.0, 0, True), (1.0, 1, False), (1.0009, 0, False), (1.0009, 1, True)]
    assert play(spike, 2.0)[1] == []


def test_a_button_of_one_contact_waits_for_the_whole_debounce() -> None:
    state, _ = sample(button("mute", (False,), 0.0), 0, True, 1.0, TIMING)
    assert due(state, TIMING) == pytest.approx(1.0 + TIMING.debounce_s)
    assert step(state, 1.0049, TIMING)[1] == ()


def test_letting_go_waits_for_the_whole_debounce() -> None:
    _, changes = play(press(1.0) + release(2.0), 3.0)
    assert changes[1][0] == pytest.approx(2.001 + TIMING.debounce_s)


@pytest.mark.parametrize(
    ("name", "samples", "expected", "found"),
    [
        ("press and release", press(1) + release(1.5), ["press", "release"], ()),
        ("a spike", [(1.0, 0, True), (1.002, 0, False)], [], ()),
        ("half a press, shorter than a fault", [(1.0, 1, False), (1.04, 1, True)], [], ()),
        ("normally closed wire cut", [(1.0, 1, False)], [], ("panic: cut",)),
        ("normally open contact bridged", [(1.0, 0, True)], [], ("panic: short",)),
        ("cut, then healed", [(1.0, 1, False), (5.0, 1, True)], [], ()),
        (
            "a finger on a button without its normally open contact",
            [(1, 1, False), (1.4, 1, True)],
            ["press", "release"],
            (),
        ),
        ("press while cut", [(1, 1, False), (5, 0, True), (6, 0, False)], ["press", "release"], ("panic: cut",)),
        ("press while bridged", [(1, 0, True), (5, 1, False), (6, 1, True)], ["press", "release"], ("panic: short",)),
        (
            "two presses while cut",
            [(1, 1, False), (5, 0, True), (6, 0, False), (7, 0, True)],
            ["press", "release", "press"],
            None,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_contacts_mean(
    name: str, samples: list[Sample], expected: list[Change], found: tuple[str, ...] | None
) -> None:
    state, changes = play(samples, 9.0)
    assert only(changes) == expected, name
    assert found is None or faults(state) == found, name


def test_a_fault_is_known_fifty_milliseconds_after_it_began() -> None:
    state, _ = play([(1.0, 1, False)], 1.0499)
    assert faults(state) == ()
    state, _ = play([], 1.0501, state)
    assert faults(state) == ("panic: cut",)


def test_stuck_after_thirty_seconds_until_let_go() -> None:
    state, _ = play(press(1.0), 31.0)
    assert faults(state) == ()
    state, _ = play([], 31.1, state)
    assert faults(state) == ("panic: stuck",)
    state, _ = play(release(40.0), 41.0, state)
    assert faults(state) == ()


def test_held_down_at_start_counts_when_both_agree_and_a_spike_does_not() -> None:
    _, changes = play([], 1.0, button("panic", PRESSED, 0.0))
    assert only(changes) == ["press"]
    assert changes[0][0] == pytest.approx(TIMING.agree_s)
    _, changes = play(release(0.0005), 1.0, button("panic", PRESSED, 0.0))
    assert changes == []


def chatter(place: int, start: float, end: float, every: float) -> list[Sample]:
    count = int((end - start) / every)
    return [(start + index * every, place, bool(index % 2) != (place == 1)) for index in range(count)]


@pytest.mark.parametrize("every", [0.0005, 0.002, 0.0049, 0.006, 0.01])
@pytest.mark.parametrize("place", [0, 1])
def test_one_chattering_contact_is_reported_raises_nothing_and_hides_no_press(place: int, every: float) -> None:
    noise = chatter(place, 1.0, 9.0, every)
    state, changes = play([each for each in noise if each[0] < 4.0], 4.0)
    assert faults(state) == ("panic: chatter",)
    assert only(changes) == []
    other = 1 - place
    state, changes = play([*(each for each in noise if each[0] >= 4.0), (5.0, other, other == 0)], 9.0, state)
    assert only(changes) == ["press"]
    assert 5.0 + TIMING.agree_s - 1e-9 <= changes[0][0] <= 5.007


@pytest.mark.parametrize(("every", "most"), [(0.001, 1), (0.01, contacts.CHATTER_CHANGES // 2)])
def test_two_chattering_contacts_count_as_pressed(every: float, most: int) -> None:
    """Contacts that settle between edges are known as chatter after half a second; `again_s` makes one alert of it."""
    _, changes = play(chatter(0, 1.0, 9.0, every) + chatter(1, 1.0003, 9.0, every), 9.0)
    assert 1 <= only(changes).count("press") <= most
    assert changes[-1][1] == "press"
    assert changes[-1][0] < 1.5


def test_chatter_ends_a_second_after_the_last_edge() -> None:
    state, _ = play(chatter(0, 1.0, 2.0015, 0.001), 2.9)
    assert faults(state) == ("panic: chatter",)
    state, _ = play([], 3.1, state)
    assert faults(state) == ()
    assert only(play(press(4.0), 5.0, state)[1]) == ["press"]


def test_a_chattering_button_of_one_contact_keeps_its_state() -> None:
    state, changes = play(chatter(0, 1.0, 5.0, 0.001), 5.0, button("mute", (False,), 0.0))
    assert (faults(state), only(changes)) == (("mute: chatter",), [])


bounces = st.lists(st.floats(0, 0.0045), max_size=12)


def bouncing(at: float, place: int, closed: bool, times: list[float]) -> list[Sample]:
    """Ends `closed`, whatever happens in the first five milliseconds."""
    edges = [(at + time, place, bool(index % 2) == closed) for index, time in enumerate(sorted(times), 1)]
    return [*edges, (at + 0.0046, place, closed)]


@given(bounces, bounces, bounces, bounces, st.floats(0, 0.02))
def test_bounce_of_any_shape_is_one_press_taken_while_it_bounces(
    no_down: list[float], nc_down: list[float], no_up: list[float], nc_up: list[float], travel: float
) -> None:
    down = bouncing(1.0, 1, False, nc_down) + bouncing(1.0 + travel, 0, True, no_down)
    up = bouncing(2.0, 0, False, no_up) + bouncing(2.0 + travel, 1, True, nc_up)
    state, changes = play(down + up, 3.0)
    assert only(changes) == ["press", "release"]
    assert 1.0 + TIMING.agree_s <= changes[0][0] + 1e-9 <= 1.0 + travel + 0.0046 + TIMING.debounce_s
    assert faults(state) == ()


@given(st.sets(st.integers(0, 3), max_size=3), st.floats(0.01, 0.99))
def test_lost_edges_are_found_by_reading_again(lost: set[int], phase: float) -> None:
    edges = [each for index, each in enumerate(press(2.5) + release(6.5)) if index not in lost]
    truth = {True: PRESSED, False: REST}
    rereads = [
        (second + phase, place, truth[2.501 < second + phase < 6.5][place]) for second in range(10) for place in (0, 1)
    ]
    rereads = [each for each in rereads if not any(start <= each[0] <= start + 0.002 for start in (2.5, 6.5))]
    _, changes = play(edges + rereads, 10.0)
    assert only(changes) == ["press", "release"]
    assert changes[0][0] <= 2.5 + 1.0 + TIMING.debounce_s + 0.01


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 1), st.booleans()), max_size=60))
def test_whatever_comes_presses_and_releases_take_turns_and_time_goes_on(samples: list[Sample]) -> None:
    state, changes = play(samples, 21.0)
    assert only(changes) == [("press", "release")[index % 2] for index in range(len(changes))]
    time = due(state, TIMING)
    assert time is None or time > 21.0


def test_an_old_reading_does_not_undo_a_newer_edge() -> None:
    state = button("mute", (False,), 0.0)
    state, _ = sample(state, 0, True, 1.0, TIMING)
    state, _ = sample(state, 0, False, 0.999, TIMING)
    assert step(state, 1.006, TIMING)[1] == ("press",)
    assert contacts.doubt_at(state, TIMING) is None
