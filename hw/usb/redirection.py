"""USB over a socket, as QEMU's `usb-redir` speaks it: USB Network Redirection protocol 0.7 (usbredir).

Packets: a header of kind, length and id, a header of the kind, and data. Pure; little endian.
"""

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """The packets that the devices here have to do with."""

    HELLO = 0
    DEVICE_CONNECT = 1
    DEVICE_DISCONNECT = 2
    RESET = 3
    INTERFACE_INFO = 4
    EP_INFO = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION_STATUS = 8
    SET_ALT_SETTING = 9
    GET_ALT_SETTING = 10
    ALT_SETTING_STATUS = 11
    START_ISO_STREAM = 12
    STOP_ISO_STREAM = 13
    ISO_STREAM_STATUS = 14
    START_INTERRUPT_RECEIVING = 15
    STOP_INTERRUPT_RECEIVING = 16
    INTERRUPT_RECEIVING_STATUS = 17
    CANCEL_DATA_PACKET = 21
    CONTROL = 100
    BULK = 101
    ISO = 102
    INTERRUPT = 103


SUCCESS, STALL = 0, 4
FULL_SPEED = 1
ISOCHRONOUS, IN_BULK, BY_INTERRUPT, INVALID = 1, 2, 3, 255
SLOTS = 32  # endpoints by number: 16 out, 16 in
VERSION = b"home dispatch twin"
CAPABILITIES = (
    1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
)  # a device's version, endpoints' sizes, long ids, long bulk: as xHCI needs
LONG, SHORT = struct.Struct("<IIQ"), struct.Struct("<III")
CONTROL_HEADER, DATA_HEADER, BULK_HEADER = struct.Struct("<BBBBHHH"), struct.Struct("<BBH"), struct.Struct("<BBHIH")


class Packet(NamedTuple):
    """`body` is the kind's own header, and data."""

    kind: int
    id: int
    body: bytes


class Endpoint(NamedTuple):
    """One that can be used in the alternate setting of now."""

    kind: int
    interval: int
    interface: int
    size: int


def packed(kind: Kind, body: bytes, number: int = 0) -> bytes:
    return LONG.pack(kind, len(body), number) + body


def hello() -> bytes:
    """The first packet, whose id is short: what the other side can is not known yet."""
    body = VERSION.ljust(64, b"\0") + struct.pack("<I", CAPABILITIES)
    return SHORT.pack(Kind.HELLO, len(body), 0) + body


class Reader:
    """Bytes as they come, to packets that are whole. A machine that goes on from where it was saved says no hello."""

    def __init__(self) -> None:
        self._data = b""

    def take(self, data: bytes) -> Iterator[Packet]:
        self._data += data
        while len(self._data) >= LONG.size:
            header = SHORT if self._data[0] == Kind.HELLO else LONG
            kind, length, number = header.unpack_from(self._data)
            end = header.size + length
            if len(self._data) < end:
                return
            body, self._data = self._data[header.size : end], self._data[end:]
            yield Packet(kind, number, body)


def device(vendor: int, product: int, release: int) -> bytes:
    return packed(Kind.DEVICE_CONNECT, struct.pack("<BBBBHHH", FULL_SPEED, 0, 0, 0, vendor, product, release))


def interfaces(kinds: Mapping[int, tuple[int, int]]) -> bytes:
    """Class and subclass by number."""
    rows = [(number, kind, sub, 0) for number, (kind, sub) in kinds.items()]
    columns = (bytes(column).ljust(SLOTS, b"\0") for column in zip(*rows, strict=True))
    body = struct.pack("<I", len(kinds)) + b"".join(columns)
    return packed(Kind.INTERFACE_INFO, body)


def endpoints(usable: Mapping[int, Endpoint]) -> bytes:
    """By address; QEMU refuses a transfer at one that is not told."""
    rows = [Endpoint(INVALID, 0, 0, 0)] * SLOTS
    rows[0] = rows[16] = Endpoint(0, 0, 0, 64)
    for address, endpoint in usable.items():
        rows[(address & 0x80) >> 3 | address & 0x0F] = endpoint
    bytes_ = b"".join(bytes(column) for column in zip(*(row[:3] for row in rows), strict=True))
    return packed(Kind.EP_INFO, bytes_ + struct.pack(f"<{SLOTS}H", *(row.size for row in rows)))


def data(kind: Kind, endpoint: int, content: bytes) -> bytes:
    """An isochronous or an interrupt packet."""
    return packed(kind, DATA_HEADER.pack(endpoint, SUCCESS, len(content)) + content)


def bulk(endpoint: int, content: bytes, number: int, taken: int | None = None) -> bytes:
    """What was asked for by the packet `number`, or that of what it brought `taken` bytes were taken."""
    size = len(content) if taken is None else taken
    return packed(Kind.BULK, BULK_HEADER.pack(endpoint, SUCCESS, size & 0xFFFF, 0, size >> 16) + content, number)
