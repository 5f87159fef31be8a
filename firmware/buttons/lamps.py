"""Lamp patterns in time, and which lamp shows what. Pure; times in seconds.

| pattern  | light                  | panic lamp              | mute lamp               | safe lamp, unit blank |
|----------|------------------------|-------------------------|-------------------------|-----------------------|
| `off`    | dark                   | nothing is open         | the microphone is live  |                       |
| `on`     | steady                 | a person has answered   | silence was measured    | nothing is asked      |
| `slow`   | 1 Hz                   | the hub has the alert   |                         | its card has a request|
| `fast`   | 4 Hz                   | pressed, and on disk    |                         |                       |
| `double` | two flashes a second   | fault of button or disk | mute unknown or a fault | refused: see its card |

Every pattern begins lit, so that a lamp answers at the moment it is set.
"""

from firmware.facts import Colour, Fact, MuteState, PanicState, Pattern, Provisioning

FLASHES: dict[Pattern, tuple[float, tuple[tuple[float, float], ...]]] = {
    "off": (1.0, ()),
    "on": (1.0, ((0.0, 1.0),)),
    "slow": (1.0, ((0.0, 0.5),)),
    "fast": (0.25, ((0.0, 0.125),)),
    "double": (1.0, ((0.0, 0.1), (0.3, 0.4))),
}
"""Period, and from when to when the lamp is lit within it."""

PANIC: dict[PanicState, Pattern] = {"idle": "off", "raised": "fast", "delivered": "slow", "acknowledged": "on"}


class Request(Fact, frozen=True):
    """What `RUN/lamps.json` asks of the lamps of other owners; the default is what is shown when nobody asks."""

    mute: Pattern = "double"
    safe: Colour = "red"
    mute_state: MuteState | None = None
    safe_pattern: Pattern = "on"


PROVISIONING = "provisioning.json"
"""In RUN: `facts.Provisioning`, while a blank unit has something to say of its card."""


def lit(pattern: Pattern, age_s: float) -> bool:
    """Whether a lamp that was set to `pattern` `age_s` ago is lit."""
    period_s, flashes = FLASHES[pattern]
    return any(start <= age_s % period_s < end for start, end in flashes)


def next_change(pattern: Pattern, since: float, now: float) -> float | None:
    """When a lamp set to `pattern` at `since` next goes on or off after `now`; None where it never does."""
    if pattern in ("off", "on"):
        return None
    period_s, flashes = FLASHES[pattern]
    begun = since + (now - since) // period_s * period_s
    edges = [begun + cycle * period_s + edge for cycle in (0, 1, 2) for flash in flashes for edge in flash]
    return min(edge for edge in edges if edge > now)


def panic(state: PanicState, faulty: bool, unsaved: bool) -> Pattern:
    """A press that is not on disk is never shown as taken; an open alert is shown before a fault of the button."""
    if unsaved:
        return "double"
    return "double" if faulty and state in ("idle", "acknowledged") else PANIC[state]


def of_blank(provisioning: Provisioning | None) -> Pattern:
    """The safe lamp's pattern: a technician sees without opening the card whether it is worth taking out."""
    return "on" if provisioning is None else "slow" if provisioning.state == "asked" else "double"


def safe(colour: Colour) -> tuple[bool, bool]:
    """The two-colour lamp as (green, red); both are amber."""
    return colour in ("green", "amber"), colour in ("red", "amber")
