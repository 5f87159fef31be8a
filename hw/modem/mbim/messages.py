"""MBIM's control messages: frames, and the fields in them (MBIM 1.0, sections 9 and 10). Pure; little endian."""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

BASIC_CONNECT = UUID("a289cc33-bcbb-8b4f-b6b0-133ec2aae6df").bytes
INTERNET = UUID("7e5e2a7e-4e6f-7272-736b-656e7e5e2a7e").bytes
OPEN, CLOSE, COMMAND = 1, 2, 3
DONE, INDICATION = 0x80000000, 0x80000007
SUCCESS, NO_SUPPORT = 0, 9
FRAME, FRAGMENT = struct.Struct("<III"), struct.Struct("<II")
COMMAND_HEAD = struct.Struct("<16sIII")


class Cid(IntEnum):
    """Basic Connect's commands that are answered here (10.5)."""

    DEVICE_CAPS = 1
    SUBSCRIBER_READY_STATUS = 2
    RADIO_STATE = 3
    PIN = 4
    HOME_PROVIDER = 6
    REGISTER_STATE = 9
    PACKET_SERVICE = 10
    SIGNAL_STATE = 11
    CONNECT = 12
    PROVISIONED_CONTEXTS = 13
    IP_CONFIGURATION = 15
    DEVICE_SERVICES = 16
    SUBSCRIBE_LIST = 19
    PACKET_STATISTICS = 20


class Command(NamedTuple):
    """A query, or a set."""

    transaction: int
    service: bytes
    cid: int
    sets: bool
    content: bytes


def command(message: bytes) -> Command:
    """Of one fragment: none that comes here is longer."""
    _, _, transaction = FRAME.unpack_from(message)
    service, cid, kind, length = COMMAND_HEAD.unpack_from(message, FRAME.size + FRAGMENT.size)
    at = FRAME.size + FRAGMENT.size + COMMAND_HEAD.size
    return Command(transaction, service, cid, bool(kind), message[at : at + length])


def kind_of(message: bytes) -> tuple[int, int]:
    """Kind and transaction."""
    kind, _, transaction = FRAME.unpack_from(message)
    return kind, transaction


def framed(kind: int, transaction: int, body: bytes) -> bytes:
    return FRAME.pack(kind, FRAME.size + len(body), transaction) + body


def opened(kind: int, transaction: int) -> bytes:
    """The end of an open, or of a close."""
    return framed(kind | DONE, transaction, struct.pack("<I", SUCCESS))


def answered(asked: Command, content: bytes | None) -> bytes:
    """Its end; None: there is no such command."""
    status, said = (NO_SUPPORT, b"") if content is None else (SUCCESS, content)
    head = FRAGMENT.pack(1, 0) + COMMAND_HEAD.pack(asked.service, asked.cid, status, len(said))
    return framed(COMMAND | DONE, asked.transaction, head + said)


def told(cid: Cid, content: bytes) -> bytes:
    """What nobody asked for."""
    head = FRAGMENT.pack(1, 0) + BASIC_CONNECT + struct.pack("<II", cid, len(content))
    return framed(INDICATION, 0, head + content)


def fields(form: str, *values: int | bytes | str) -> bytes:
    """`form` is struct's, with `S` for a string: where it lies after the fields, and how long it is (UTF-16)."""
    texts = [value.encode("utf-16-le") for value in values if isinstance(value, str)]
    at = struct.calcsize("<" + form.replace("S", "II"))
    flat, tail = list[int | bytes](), b""
    for value in values:
        if isinstance(value, str):
            said = texts.pop(0)
            flat += [at + len(tail) if said else 0, len(said)]
            tail += said + b"\0" * (-len(said) % 4)
        else:
            flat.append(value)
    return struct.pack("<" + form.replace("S", "II"), *flat) + tail


def listed(head: bytes, elements: Sequence[bytes]) -> bytes:
    """`head`, then where each element lies and how long it is, then they."""
    at, refs = len(head) + 8 * len(elements), b""
    for element in elements:
        refs += struct.pack("<II", at, len(element))
        at += len(element)
    return head + refs + b"".join(elements)
