"""The buttons of the panel as they behave: fingers, contacts that bounce, wires that break. Pure but for its dice."""

from collections.abc import Mapping
from random import Random
from typing import Literal

Fault = Literal["none", "cut", "short"]
BUTTONS: Mapping[str, tuple[str, ...]] = {"panic": ("panic_no", "panic_nc"), "mute": ("mute",), "assist": ("assist",)}
NORMALLY_CLOSED = {"panic_nc"}
LINES: Mapping[str, tuple[str, ...]] = {
    **BUTTONS,
    "panic_no": ("panic_no",),
    "panic_nc": ("panic_nc",),
}
TRAVEL_S = 0.001
"""From one contact opening to the other closing (break before make)."""
BOUNCE_S = 0.003
"""A contact has come to rest this long after it first moved."""
PRESS_S = 0.04
"""No finger is faster: from one movement to the next, press or release, at least this long passes."""


def at_rest(contact: str) -> bool:
    """Whether the contact is closed while nobody presses."""
    return contact in NORMALLY_CLOSED


def movement(button: str, pressed: bool, dice: Random) -> list[tuple[float, str, bool]]:
    """When (seconds from now) each contact of the button closes or opens as it is pressed or let go, with bounces."""
    moves = []
    for contact in BUTTONS[button]:
        closed = pressed != at_rest(contact)
        start_s = TRAVEL_S if closed and len(BUTTONS[button]) == 2 else 0.0
        times = sorted(dice.uniform(0, BOUNCE_S) for _ in range(2 * dice.randint(0, 3)))
        moves += [
            (start_s + time_s, contact, closed == bool(place % 2)) for place, time_s in enumerate([0.0, *times], 1)
        ]
    return sorted(moves)


def broken(line: str, fault: Fault) -> dict[str, Fault]:
    """Which wire of `line` breaks. Of the panic cable it is the one that shows at once: the wire of the normally closed
    contact is cut, or the normally open contact is bridged."""
    if fault == "none" or len(LINES[line]) == 1:
        return dict.fromkeys(LINES[line], fault)
    return {"panic_nc": "cut", "panic_no": "none"} if fault == "cut" else {"panic_no": "short", "panic_nc": "none"}


def electrical(closed: bool, fault: Fault) -> bool:
    """Whether the line is connected to ground at the header."""
    return closed if fault == "none" else fault == "short"
