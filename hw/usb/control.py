"""The default control pipe of a device (USB 2.0, chapter 9): a setup, an answer, or a stall."""

from collections.abc import Mapping
from typing import NamedTuple

GET_STATUS, GET_DESCRIPTOR = 0x00, 0x06
STRING = 3
KIND_OF_REQUEST, INWARD = 0x60, 0x80


class Setup(NamedTuple):
    """The eight bytes before a control transfer (9.3)."""

    kind: int
    request: int
    value: int
    target: int
    length: int

    @property
    def standard(self) -> bool:
        return not self.kind & KIND_OF_REQUEST


def standard(setup: Setup, descriptors: Mapping[int, bytes], strings: tuple[str, ...]) -> bytes | None:
    """What any device answers; None is a stall: it has no such thing."""
    if setup.request == GET_DESCRIPTOR:
        kind, number = setup.value >> 8, setup.value & 0xFF
        said = text(strings, number) if kind == STRING else descriptors.get(kind)
    else:
        said = b"\0\0" if setup.request == GET_STATUS else b""
    return None if said is None else said[: setup.length]


def text(strings: tuple[str, ...], number: int) -> bytes | None:
    """A string descriptor; the first says the languages: English. None where there is no such one."""
    if number >= len(strings):
        return None
    said = strings[number].encode("utf-16-le") if number else b"\x09\x04"
    return bytes((2 + len(said), STRING)) + said
