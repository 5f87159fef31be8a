"""What presses mean: alerts, mute, self test."""

import pytest

from firmware.buttons.contacts import Change
from firmware.buttons.gestures import Action, Consent, Hands, Mute, Policy, Raise, SelfTest, SetMute, decide, due, step
from firmware.facts import Button

Press = tuple[float, Button, Change]
PUSH = Policy(mute_button="push-to-mute")


def play(presses: list[Press], until: float, policy: Policy, mute: Mute = "live") -> list[tuple[float, Action]]:
    hands, done = Hands(), list[tuple[float, Action]]()
    for at, button, change in [*presses, (until, None, None)]:
        while (time := due(hands, policy)) is not None and time < at:
            hands, actions = step(hands, time, policy)
            done += [(time, each) for each in actions]
        if button and change:
            hands, actions = decide(hands, button, change, mute, at, policy)
            done += [(at, each) for each in actions]
        for _, action in done[-1:]:
            mute = action.to if isinstance(action, SetMute) else mute
    return done


def tap(button: Button, at: float, for_s: float = 0.1) -> list[Press]:
    return [(at, button, "press"), (at + for_s, button, "release")]


PANIC, ASSIST, WELLNESS = Raise(kind="panic"), Raise(kind="assist"), Raise(kind="wellness")
MUTED, LIVE, TEST = SetMute(to="muted"), SetMute(to="live"), SelfTest()
CONSENT, BACK = Consent(given=True), Consent(given=False)


@pytest.mark.parametrize(
    ("name", "presses", "policy", "expected"),
    [
        ("panic counts on the press", [(1, "panic", "press")], Policy(), [(1, PANIC)]),
        ("again within two seconds of letting go", tap("panic", 1) + tap("panic", 3.0), Policy(), [(1, PANIC)]),
        ("again later", tap("panic", 1) + tap("panic", 3.2), Policy(), [(1, PANIC), (3.2, PANIC)]),
        (
            "every press, where it is set so",
            tap("panic", 1) + tap("panic", 1.3),
            Policy(again_s=0),
            [(1, PANIC), (1.3, PANIC)],
        ),
        ("mute toggles", tap("mute", 1) + tap("mute", 2), Policy(), [(1, MUTED), (2, LIVE)]),
        ("push to mute", tap("mute", 1, 3), PUSH, [(1, MUTED), (4, LIVE)]),
        ("assist is short", tap("assist", 1, 1.9), Policy(), [(2.9, ASSIST)]),
        ("assist held", tap("assist", 1, 6), Policy(), [(3, WELLNESS)]),
        (
            "self test, assist first: mute stays",
            [(1, "assist", "press"), (2, "mute", "press"), (8, "mute", "release"), (9, "assist", "release")],
            Policy(),
            [(7, BACK), (7, TEST)],
        ),
        (
            "self test, mute first: taken back",
            [(1, "mute", "press"), (1.5, "assist", "press"), (8, "assist", "release"), (9, "mute", "release")],
            Policy(),
            [(1, MUTED), (6.5, LIVE), (6.5, BACK), (6.5, TEST)],
        ),
        (
            "self test given up: no assist",
            [(1, "assist", "press"), (1.2, "mute", "press"), (3, "assist", "release"), (4, "mute", "release")],
            Policy(),
            [],
        ),
        (
            "consent: both let go after ten seconds",
            [(1, "assist", "press"), (2, "mute", "press"), (12.5, "mute", "release"), (13, "assist", "release")],
            Policy(),
            [(7, BACK), (7, TEST), (12.5, CONSENT)],
        ),
        (
            "let go sooner is a self test alone",
            [(1, "assist", "press"), (2, "mute", "press"), (11.9, "assist", "release"), (15, "mute", "release")],
            Policy(),
            [(7, BACK), (7, TEST)],
        ),
        (
            "stuck is no consent",
            [(1, "mute", "press"), (1, "assist", "press"), (31, "assist", "release"), (31.5, "mute", "release")],
            Policy(),
            [(1, MUTED), (6, LIVE), (6, BACK), (6, TEST)],
        ),
        (
            "panic while assist is held",
            [(1, "assist", "press"), (2, "panic", "press")],
            Policy(),
            [(2, PANIC), (3, WELLNESS)],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_presses_mean(
    name: str, presses: list[Press], policy: Policy, expected: list[tuple[float, Action]]
) -> None:
    assert play(presses, 20, policy) == expected, name
