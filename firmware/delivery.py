"""When each alert goes out (again): pure. Facts of the spool in, what to do and when to look again out.

An alert goes at once, again with doubled waits until the hub has it, then every `remind_s` until a person answered. If
the hub has not confirmed it `sms_after_s` after it was first tried, it also goes as a text, once per number.
An answered alert is cleared at the hub, shown for a while, and closed.
"""

import msgspec

from firmware.config import AlertPolicy
from firmware.spool import Entry


class Try(msgspec.Struct, frozen=True):
    """What was done for one alert in this run of the service; times are monotonic seconds."""

    first_at: float
    attempt: int = 0
    next_at: float = 0.0
    texted: bool = False
    cleared: bool = False
    answered_at: float | None = None


class Send(msgspec.Struct, frozen=True):
    """Publish the alert, as attempt number `attempt`."""

    id: str
    attempt: int


class Text(msgspec.Struct, frozen=True):
    """Send the alert as SMS."""

    id: str


class Clear(msgspec.Struct, frozen=True):
    """Take the answered alert off the hub's retained messages."""

    id: str


class Close(msgspec.Struct, frozen=True):
    """Move the answered alert out of the spool."""

    id: str


Action = Send | Text | Clear | Close


def wait_s(attempt: int, policy: AlertPolicy) -> float:
    """The wait after attempt number `attempt` (1, 2, ...)."""
    return min(policy.retry_first_s * 2.0 ** min(attempt - 1, 16), policy.retry_max_s)


def decide(entry: Entry, seen: Try | None, now: float, policy: AlertPolicy) -> tuple[Try, list[Action], float]:
    """One alert: its new state, what to do now, and the time of the next look (inf: none)."""
    state = seen or Try(first_at=now, next_at=now)
    if entry.acknowledged:
        return _answered(entry, state, now, policy)
    actions: list[Action] = []
    if not entry.delivered and not state.texted and policy.sms_numbers and now >= state.first_at + policy.sms_after_s:
        state, actions = msgspec.structs.replace(state, texted=True), [Text(entry.alert.id)]
    if now >= state.next_at:
        attempt = state.attempt + 1
        pause = policy.remind_s if entry.delivered else wait_s(attempt, policy)
        state = msgspec.structs.replace(state, attempt=attempt, next_at=now + pause)
        actions.append(Send(entry.alert.id, attempt))
    text_at = state.first_at + policy.sms_after_s if _may_text(entry, state, policy) else float("inf")
    return state, actions, min(state.next_at, text_at)


def _may_text(entry: Entry, state: Try, policy: AlertPolicy) -> bool:
    return not entry.delivered and not state.texted and bool(policy.sms_numbers)


def _answered(entry: Entry, state: Try, now: float, policy: AlertPolicy) -> tuple[Try, list[Action], float]:
    id = entry.alert.id
    answered_at = now if state.answered_at is None else state.answered_at
    if state.answered_at is None:
        state = msgspec.structs.replace(state, answered_at=now, next_at=now, attempt=0)
    closes_at = answered_at + policy.acknowledged_lamp_s
    if state.cleared:
        return state, [Close(id)] if now >= closes_at else [], closes_at if now < closes_at else float("inf")
    if now < state.next_at:
        return state, [], state.next_at
    attempt = state.attempt + 1
    state = msgspec.structs.replace(state, attempt=attempt, next_at=now + wait_s(attempt, policy))
    return state, [Clear(id)], state.next_at


def delivered(state: Try, now: float, policy: AlertPolicy) -> Try:
    """The hub has it: from now on only reminders."""
    return msgspec.structs.replace(state, next_at=now + policy.remind_s)


def cleared(state: Try) -> Try:
    """The hub no longer holds it."""
    return msgspec.structs.replace(state, cleared=True)


def again(state: Try) -> Try:
    """The hub is back: whatever was due later is due now, and an answered alert is cleared anew."""
    return msgspec.structs.replace(state, next_at=0.0, cleared=False)
