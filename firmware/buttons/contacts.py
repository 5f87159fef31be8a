"""What the buttons do, decided from their contacts: debounce, press, stuck, chatter and wiring faults. Pure.

A button has one normally open contact, or two that must disagree (PANIC: one normally open, one normally closed). Each
sample says whether a contact is closed; a level counts once it has stood still for `debounce_s`. Two contacts that show
a press together vouch for each other: that counts after `agree_s`, while the bounces of one alone never do. Of two:

| normally open | normally closed | means                                                     |
|---------------|-----------------|-----------------------------------------------------------|
| open          | closed          | at rest                                                   |
| closed        | open            | pressed, also while a wiring fault stands                 |
| open          | open            | after `contact_fault_s`: fault `cut` (wire or contact)    |
| closed        | closed          | after `contact_fault_s`: fault `short`                    |

A fault is healed only at rest. A fault that comes from rest and is gone again within `ONE_CONTACT_S` was a finger on a
button of which one contact has failed: it is taken as a press. A contact that chatters has no vote; the other decides
alone, and where both chatter the button counts as pressed, once: a panic too many is answered, one too few is not. A
button of one contact keeps its state while it chatters.
"""

from typing import Literal

import msgspec

from firmware.facts import Button as Name
from firmware.facts import Fact

ONE_CONTACT_S = 1.0
CHATTER_S = 0.25
"""A contact that has not once stood still (for the debounce) for this long chatters."""
CHATTER_CHANGES = 40
"""So does one that closes and opens, debounced, this often in a second: no finger does; hum of the mains does."""
QUIET_S = 1.0
"""A contact that chattered and then made no edge for this long is trusted again."""

Wiring = Literal["", "cut", "short"]
Change = Literal["press", "release"]


class Timing(Fact, frozen=True):
    debounce_s: float = 0.005
    agree_s: float = 0.001
    contact_fault_s: float = 0.05
    stuck_s: float = 30.0


class Contact(Fact, frozen=True):
    """One contact: `closed` debounced (its `changes` of late), `raw` as last sampled, since `raw_at`."""

    normally_closed: bool
    closed: bool
    raw: bool
    raw_at: float
    moving_since: float | None = None
    changes: tuple[float, ...] = ()
    chatters: bool = False


class Button(Fact, frozen=True):
    """`pressed_at` is when the press was decided; `alike_since` since when two contacts agree, `at_rest` from where."""

    name: Name
    contacts: tuple[Contact, ...]
    pressed: bool = False
    pressed_at: float = 0.0
    alike_since: float | None = None
    at_rest: bool = True
    wiring: Wiring = ""
    stuck: bool = False


def button(name: Name, closed: tuple[bool, ...], now: float) -> Button:
    """A button as found at start: known to be at rest, so that one held down counts after the debounce."""
    contacts = (_found(normally_closed=bool(place), raw=raw, now=now) for place, raw in enumerate(closed))
    return Button(name=name, contacts=tuple(contacts))


def _found(normally_closed: bool, raw: bool, now: float) -> Contact:
    since = now if raw != normally_closed else None
    return Contact(normally_closed=normally_closed, closed=normally_closed, raw=raw, raw_at=now, moving_since=since)


def sample(state: Button, place: int, closed: bool, now: float, timing: Timing) -> tuple[Button, tuple[Change, ...]]:
    """Contact `place` was seen `closed` at `now`: an edge, or a re-read that shows what an edge did not.

    A re-read that began before the newest edge is older than what is known, and is left out.
    """
    state, before = step(state, now, timing)
    contact = state.contacts[place]
    if contact.raw == closed or now < contact.raw_at:
        return state, before
    moving_since = now if contact.moving_since is None else contact.moving_since
    contact = msgspec.structs.replace(contact, raw=closed, raw_at=now, moving_since=moving_since)
    contacts = (*state.contacts[:place], contact, *state.contacts[place + 1 :])
    state, after = step(msgspec.structs.replace(state, contacts=contacts), now, timing)
    return state, before + after


def step(state: Button, now: float, timing: Timing) -> tuple[Button, tuple[Change, ...]]:
    """What has become true by `now`."""
    still_s = _still_s(state, timing)
    contacts = tuple(_settled(each, now, still_s) for each in state.contacts)
    state = msgspec.structs.replace(state, contacts=contacts)
    shown = state.pressed if len(contacts) == 1 and contacts[0].chatters else shows(contacts)
    state, changes = _alike(state, now, timing) if shown is None else _disagree(state, shown, now, timing)
    stuck = state.pressed and now >= state.pressed_at + timing.stuck_s
    return msgspec.structs.replace(state, stuck=stuck), changes


def due(state: Button, timing: Timing) -> float | None:
    """When `step` next has something to decide without a new sample; None: not before one."""
    still_s = _still_s(state, timing)
    times = [each.raw_at + still_s for each in state.contacts if each.moving_since is not None]
    if state.alike_since is not None and (not state.wiring or state.pressed):
        times.append(state.alike_since + timing.contact_fault_s)
    if state.pressed and not state.stuck:
        times.append(state.pressed_at + timing.stuck_s)
    times += [each.raw_at + QUIET_S for each in state.contacts if each.chatters]
    return min(times, default=None)


def doubt_at(state: Button, timing: Timing) -> float | None:
    """When two alike contacts are worth reading anew, before they are called a fault: an edge may have been lost."""
    if state.alike_since is None or state.wiring:
        return None
    return state.alike_since + timing.contact_fault_s / 2


def faults(state: Button) -> tuple[str, ...]:
    """What is wrong with this button, as shown: `panic: cut`."""
    chatters = any(each.chatters for each in state.contacts)
    found = (state.wiring, "stuck" if state.stuck else "", "chatter" if chatters else "")
    return tuple(f"{state.name}: {each}" for each in found if each)


def shows(contacts: tuple[Contact, ...]) -> bool | None:
    """Whether the contacts show a press; None where two that may vote are alike."""
    votes = {each.closed != each.normally_closed for each in contacts if not each.chatters}
    return votes.pop() if len(votes) == 1 else None if votes else True


def _still_s(state: Button, timing: Timing) -> float:
    """How long a level must have stood still to count."""
    together = len(state.contacts) == 2 and all(each.raw != each.normally_closed for each in state.contacts)
    return timing.agree_s if together and not state.pressed else timing.debounce_s


def _settled(contact: Contact, now: float, still_s: float) -> Contact:
    still = now >= contact.raw_at + still_s
    moving = contact.moving_since is not None and now >= contact.moving_since + CHATTER_S
    closed = contact.raw if still else contact.closed
    changes = contact.changes if closed == contact.closed else (*contact.changes, now)[-CHATTER_CHANGES:]
    fast = len(changes) == CHATTER_CHANGES and changes[-1] - changes[0] < QUIET_S
    chatters = now < contact.raw_at + QUIET_S if contact.chatters else fast or (moving and not still)
    return msgspec.structs.replace(
        contact,
        closed=closed,
        moving_since=None if still else contact.moving_since,
        changes=() if contact.chatters and not chatters else changes,
        chatters=chatters,
    )


def _disagree(state: Button, pressed: bool, now: float, timing: Timing) -> tuple[Button, tuple[Change, ...]]:
    """At rest or pressed, as it should be."""
    changes: tuple[Change, ...] = ()
    if pressed != state.pressed:
        changes = ("press",) if pressed else ("release",)
    elif not pressed and _was_a_finger(state, now, timing):
        changes = ("press", "release")
    wiring = state.wiring if pressed else ""
    pressed_at = now if "press" in changes else state.pressed_at
    state = msgspec.structs.replace(state, pressed=pressed, pressed_at=pressed_at, alike_since=None, wiring=wiring)
    return msgspec.structs.replace(state, at_rest=not pressed), changes


def _was_a_finger(state: Button, now: float, timing: Timing) -> bool:
    if state.alike_since is None or not state.at_rest:
        return False
    return timing.contact_fault_s <= now - state.alike_since <= ONE_CONTACT_S


def _alike(state: Button, now: float, timing: Timing) -> tuple[Button, tuple[Change, ...]]:
    """Both contacts open or both closed: in passing from one state to the other, or a fault."""
    if state.alike_since is None:
        since = max((each.raw_at for each in state.contacts if each.raw == each.closed), default=now)
        state = msgspec.structs.replace(state, alike_since=since)
    assert state.alike_since is not None
    if now < state.alike_since + timing.contact_fault_s:
        return state, ()
    wiring: Wiring = "short" if state.contacts[0].closed else "cut"
    changes: tuple[Change, ...] = ("release",) if state.pressed else ()
    at_rest = state.at_rest and not state.pressed
    return msgspec.structs.replace(state, wiring=wiring, pressed=False, at_rest=at_rest), changes
