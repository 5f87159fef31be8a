"""`hdu shift [on NAME [--hours 12] | off]`: who is on shift at this unit; a shift keeps updates and battery tests away.

It ends by itself. Exit 0: done, or a shift is on; 1: none is on, it is not known, or it was refused.
"""

import argparse
import asyncio
from collections.abc import Sequence

from firmware import bus, facts
from hdu import unit
from hdu.arguments import Arguments
from hdu.failure import Failure

HOURS = 12.0


def words(shift: facts.Shift) -> str:
    """As a person reads it."""
    if shift.on:
        return f"on shift: {shift.who}, until {shift.until}"
    return "nobody is on shift" if shift.on is False else "it is not known whether a shift is on"


def _call(method: str, signature: str = "", *given: object) -> str:
    try:
        return str(asyncio.run(bus.call(bus.connect(), "Shift", method, signature, *given)) or "")
    except bus.BusError as error:
        raise Failure(f"hdu shift: {error}") from error


def on(given: argparse.Namespace) -> int:
    until = _call("SignOn", "sx", given.name, round(60 * given.hours))
    print(f"on shift: {given.name}, until {until}")
    return 0


def off(_: argparse.Namespace) -> int:
    _call("SignOff")
    print("nobody is on shift")
    return 0


def show(_: argparse.Namespace) -> int:
    shift = unit.status().shift
    print(words(shift))
    return 0 if shift.on else 1


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu shift", description=__doc__)
    parser.set_defaults(run=show)
    steps = parser.add_subparsers(metavar="on|off")
    sign_on = steps.add_parser("on", help="sign on")
    sign_on.set_defaults(run=on)
    sign_on.add_argument("name", help="who is on shift")
    sign_on.add_argument("--hours", type=float, default=HOURS, help=f"how long at most ({HOURS:g})")
    steps.add_parser("off", help="sign off").set_defaults(run=off)
    given = parser.parse_args(arguments)
    status: int = given.run(given)
    return status
