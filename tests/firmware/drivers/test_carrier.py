"""rtnetlink link messages as bytes: read right, and never a crash."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.carrier import IFLA_CARRIER, IFLA_IFNAME, RTM_DELLINK, RTM_NEWLINK, parse
from firmware.drivers.pinned_routes import Pin, wanted
from firmware.drivers.ports import Link


def attribute(kind: int, value: bytes) -> bytes:
    return (struct.pack("=HH", 4 + len(value), kind) + value).ljust(4 + (len(value) + 3 & ~3), b"\0")


def message(kind: int, *attributes: bytes) -> bytes:
    body = b"\0" * 16 + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


WAN0 = attribute(IFLA_IFNAME, b"wan0\0")


def test_carrier_on_off_gone_and_unsaid() -> None:
    for kind, carrier, expected in (
        (RTM_NEWLINK, b"\1", True),
        (RTM_NEWLINK, b"\0", False),
        (RTM_DELLINK, b"\1", None),
    ):
        assert list(parse(message(kind, WAN0, attribute(IFLA_CARRIER, carrier)))) == [("wan0", expected)]
    assert list(parse(message(RTM_NEWLINK, WAN0))) == [("wan0", None)]


def test_several_messages_in_one_read_and_others_passed_over() -> None:
    one, other = (message(RTM_NEWLINK, WAN0, attribute(IFLA_CARRIER, bytes([on]))) for on in (1, 0))
    assert list(parse(one + message(3) + message(20, WAN0) + other)) == [("wan0", True), ("wan0", False)]


@given(st.binary(max_size=200))
def test_garbage_is_never_a_crash(data: bytes) -> None:
    list(parse(data))


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_flipped_byte_is_never_a_crash(at: int, value: int) -> None:
    data = bytearray(message(RTM_NEWLINK, WAN0, attribute(IFLA_CARRIER, b"\1")))
    data[at % len(data)] = value
    list(parse(bytes(data)))


def test_only_a_link_that_is_up_is_pinned_anew() -> None:
    up = Link(interface="wan0", state="activated", address="10.0.0.2", gateway="10.0.0.1", metric=7)
    assert wanted(up) == Pin("10.0.0.2", "10.0.0.1", 7)
    assert wanted(Link(interface="wan0", state="activating", address="10.0.0.2", metric=7)) is None
    assert wanted(Link(interface="wan0", state="activated", address="10.0.0.2")) is None
    assert wanted(Link(interface="wan0")) is None
