"""What presses mean: an alert, mute, a self test. Pure.

- PANIC: an alert on the press. A press within `again_s` of the last release is the same event.
- MUTE: `toggle` acts on the press; `push-to-mute` is muted while held.
- ASSIST: let go before `hold_s` is `assist`; held for `hold_s` is `wellness`, then and not again on release.
- ASSIST and MUTE held together for `SELFTEST_S` ask for a self test; once both are down no assist is raised. A MUTE
  press that joins ASSIST does not toggle; one that came first did act (mute never waits): the self test takes it back.
- Let go only after CONSENT_S, and before CONSENT_END_S, they are a consent to remote help: contacts that are stuck, or
  shorted, are never let go. Whoever holds them for a self test takes a consent back.
"""

from typing import Literal

import msgspec

from firmware.buttons.contacts import Change
from firmware.facts import AlertKind, Button, Fact

SELFTEST_S = 5.0
CONSENT_S, CONSENT_END_S = 10.0, 30.0
Mute = Literal["live", "muted"]


class Policy(Fact, frozen=True):
    mute_button: Literal["toggle", "push-to-mute"] = "toggle"
    hold_s: float = 2.0
    again_s: float = 2.0


class Raise(Fact, frozen=True):
    kind: AlertKind


class SetMute(Fact, frozen=True):
    to: Mute


class SelfTest(Fact, frozen=True):
    pass


class Consent(Fact, frozen=True):
    """To remote help; `given` false takes it back."""

    given: bool


Action = Raise | SetMute | SelfTest | Consent


class Hands(Fact, frozen=True):
    """What is held, since when (None: not held), and what has already been made of it."""

    panic_free_at: float | None = None
    assist_at: float | None = None
    mute_at: float | None = None
    assist_spent: bool = False
    selftest_spent: bool = False
    mute_before: Mute | None = None


def decide(
    hands: Hands, button: Button, change: Change, muted: Mute, now: float, policy: Policy
) -> tuple[Hands, tuple[Action, ...]]:
    """A button was pressed or let go while the commanded mute was `muted`."""
    hands, before = step(hands, now, policy)
    if button == "panic":
        hands, after = _panic(hands, change, now, policy)
    elif button == "mute":
        hands, after = _mute(hands, change, muted, now, policy)
    else:
        hands, after = _assist(hands, change, now)
    return hands, before + after


def step(hands: Hands, now: float, policy: Policy) -> tuple[Hands, tuple[Action, ...]]:
    """What has been held long enough by `now`."""
    time = due(hands, policy)
    if time is None or now < time:
        return hands, ()
    if hands.mute_at is None:
        return msgspec.structs.replace(hands, assist_spent=True), (Raise(kind="wellness"),)
    undo = (SetMute(to=hands.mute_before),) if hands.mute_before else ()
    return msgspec.structs.replace(hands, selftest_spent=True, mute_before=None), (
        *undo,
        Consent(given=False),
        SelfTest(),
    )


def due(hands: Hands, policy: Policy) -> float | None:
    """When `step` next has something to decide; None: not before the next press."""
    if hands.assist_at is None:
        return None
    if hands.mute_at is not None:
        return None if hands.selftest_spent else max(hands.assist_at, hands.mute_at) + SELFTEST_S
    return None if hands.assist_spent else hands.assist_at + policy.hold_s


def _panic(hands: Hands, change: Change, now: float, policy: Policy) -> tuple[Hands, tuple[Action, ...]]:
    if change == "release":
        return msgspec.structs.replace(hands, panic_free_at=now), ()
    again = hands.panic_free_at is not None and now < hands.panic_free_at + policy.again_s
    return hands, () if again else (Raise(kind="panic"),)


def _mute(hands: Hands, change: Change, muted: Mute, now: float, policy: Policy) -> tuple[Hands, tuple[Action, ...]]:
    if change == "release":
        given = _consent(hands, now)
        hands = msgspec.structs.replace(hands, mute_at=None, mute_before=None, selftest_spent=False)
        return hands, (*given, SetMute(to="live")) if policy.mute_button == "push-to-mute" else given
    joins = hands.assist_at is not None
    hands = msgspec.structs.replace(hands, mute_at=now, assist_spent=hands.assist_spent or joins)
    if policy.mute_button == "push-to-mute":
        return hands, (SetMute(to="muted"),)
    if joins:
        return hands, ()
    to: Mute = "live" if muted == "muted" else "muted"
    return msgspec.structs.replace(hands, mute_before=muted), (SetMute(to=to),)


def _assist(hands: Hands, change: Change, now: float) -> tuple[Hands, tuple[Action, ...]]:
    if change == "press":
        spent = hands.mute_at is not None
        return msgspec.structs.replace(hands, assist_at=now, assist_spent=spent, selftest_spent=False), ()
    raised: tuple[Action, ...] = _consent(hands, now) if hands.assist_spent else (Raise(kind="assist"),)
    return msgspec.structs.replace(hands, assist_at=None, assist_spent=False), raised


def _consent(hands: Hands, now: float) -> tuple[Action, ...]:
    """One of the two is let go: were both held for long enough, and not for ever?"""
    if hands.assist_at is None or hands.mute_at is None or not hands.selftest_spent:
        return ()
    held_s = now - max(hands.assist_at, hands.mute_at)
    return (Consent(given=True),) if CONSENT_S <= held_s < CONSENT_END_S else ()
