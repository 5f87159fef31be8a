"""The tones: at their level, without clicks, told apart; and each played for its change alone."""

from itertools import combinations, pairwise
from typing import cast

import pytest

from firmware.audio import tones
from firmware.facts import Call, Fact, Headset, Panel, Uplink, Uplinks

ALL = [cast("tones.Tone", name) for name in tones.NAMES]


def uplinks(active: str) -> Uplinks:
    return Uplinks(uplinks=tuple(Uplink(name=name, kind="lte", active=name == active) for name in ("wired", "lte")))


@pytest.mark.parametrize("tone", ALL)
def test_a_tone_is_short_and_at_its_level(tone: tones.Tone) -> None:
    values = tones.samples(tone, -20.0)
    assert len(values) == pytest.approx(tones.duration_s(tone) * tones.RATE_HZ, abs=2)
    assert 0.1 < tones.duration_s(tone) < 0.5
    assert max(values) == pytest.approx(3276.7, rel=0.02)


@pytest.mark.parametrize("tone", ALL)
def test_a_tone_does_not_click(tone: tones.Tone) -> None:
    """It begins and ends at nothing, and no step is larger than its highest sine makes."""
    values = tones.samples(tone, -20.0)
    assert abs(values[0]) <= 1
    assert abs(values[-1]) <= 1
    assert max(abs(after - before) for before, after in pairwise(values)) < 3277 * 0.56


@pytest.mark.parametrize(("one", "other"), list(combinations(ALL, 2)))
def test_any_two_tones_are_told_apart(one: tones.Tone, other: tones.Tone) -> None:
    assert not tones.alike(one, other)


@pytest.mark.parametrize(
    ("before", "now", "tone"),
    [
        (Panel(panic="idle"), Panel(panic="raised"), "panic-taken"),
        (Panel(panic="raised"), Panel(panic="raised", faults=("x",)), None),
        (Headset(present=True, mute_state="live"), Headset(present=True, mute_state="muted"), "mute-on"),
        (Headset(present=True, mute_state="muted"), Headset(present=True, mute_state="live"), "mute-off"),
        (Headset(present=True, mute_state="live"), Headset(present=True, mute_state="fault"), "mute-fault"),
        (Headset(present=True), Headset(present=True, mute_state="live"), None),
        (Headset(present=True, mute_state="live"), Headset(present=False, mute_state="fault"), None),
        (uplinks("wired"), uplinks("lte"), "uplink-changed"),
        (uplinks("wired"), uplinks("wired"), None),
        (uplinks(""), uplinks("wired"), None),
        (Headset(shift_dose_spent=False), Headset(shift_dose_spent=True), "dose-spent"),
        (Headset(shift_dose_spent=None), Headset(shift_dose_spent=True), None),
        (Headset(shift_dose_spent=True), Headset(shift_dose_spent=True), None),
        (Call(state="active"), Call(state="active", waiting=True), "call-waiting"),
        (Call(state="idle"), Call(state="ringing"), "call-waiting"),
        (Call(state="ringing"), Call(state="active"), None),
        (None, Panel(panic="raised"), None),
        (Panel(panic="raised"), None, None),
    ],
)
def test_each_change_has_its_tone(before: Fact | None, now: Fact | None, tone: str | None) -> None:
    assert tones.for_change(before, now) == tone
