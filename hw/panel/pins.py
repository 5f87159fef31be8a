"""The pin map, read from pins.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

FILE = Path(__file__).with_name("pins.toml")
CONTACTS = ("panic_no", "panic_nc", "mute", "assist")
LAMPS = ("panic_lamp", "mute_lamp", "safe_green", "safe_red")


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gpio: int
    pin: int
    button: str
    kind: Literal["normally open", "normally closed"]
    wire: str


class Lamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gpio: int
    pin: int
    lamp: str
    colour: str
    resistor_ohm: int
    wire: str


class Ground(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pin: int
    wire: str


class Pins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`contact` by CONTACTS, `lamp` by LAMPS: the names of the settings without `_gpio`."""

    contact: dict[str, Contact]
    lamp: dict[str, Lamp]
    ground: Ground

    def wired(self) -> dict[str, Contact | Lamp]:
        """Every line by its name."""
        return {**self.contact, **self.lamp}


@cache
def pins() -> Pins:
    return msgspec.convert(tomllib.loads(FILE.read_text()), Pins)
