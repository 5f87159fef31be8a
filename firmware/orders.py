"""What the agency orders: `command/NAME` in, one call on the bus, `result/NAME` with the same id out.

`shift`: `{"id", "who", "minutes"}` signs `who` on for so many minutes, or ends the shift (0).
"""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from sdbus import SdBus

from firmware import bus

LONGEST_ID, LONGEST_WORDS = 64, 300
log = logging.getLogger("hublink")


class Result(msgspec.Struct, frozen=True):
    """What came of the order `id`: `words` are the end of the shift, or why it was refused."""

    id: str
    done: bool
    words: str = ""


class ShiftOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    who: str
    minutes: int


async def shift(on: SdBus, payload: bytes) -> Result:
    asked = msgspec.json.decode(payload, type=ShiftOrder)
    if not asked.who.isprintable():  # D-Bus would cut it at a NUL
        return Result(asked.id[:LONGEST_ID], False, "shift: the name must be printable")
    method, given = ("SignOn", ("sx", asked.who, asked.minutes)) if asked.minutes else ("SignOff", ())
    try:
        said = await bus.call(on, "Shift", method, *given)
    except (bus.BusError, ValueError, OverflowError) as error:  # the latter: what D-Bus cannot carry
        return Result(asked.id[:LONGEST_ID], False, " ".join(str(error).split())[:LONGEST_WORDS])
    return Result(asked.id[:LONGEST_ID], True, str(said or ""))


KNOWN: dict[str, Callable[[SdBus, bytes], Awaitable[Result]]] = {"shift": shift}


async def obeyed(on: SdBus, name: str, payload: bytes) -> Result:
    """Never an error: an order that is not known or not whole is refused in words."""
    if name not in KNOWN:
        result = Result("", False, f"this release knows no order {name[:40]!r}")
    else:
        try:
            result = await KNOWN[name](on, payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            result = Result("", False, f"{name}: {error}")
    log.log(logging.INFO if result.done else logging.ERROR, "order %s: %s", name, result.words or "done")
    return result
