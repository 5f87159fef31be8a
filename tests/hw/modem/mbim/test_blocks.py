"""Datagrams out of blocks: all of a good one, none of what is none, and no end of the world."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from hw.modem.mbim import blocks


@given(datagram=st.binary(min_size=1, max_size=2048), sequence=st.integers(0, 1 << 20))
def test_what_is_packed_comes_out(datagram: bytes, sequence: int) -> None:
    assert list(blocks.datagrams(blocks.packed(datagram, sequence))) == [datagram]


def test_two_tables_with_two_each() -> None:
    parts = (b"one", b"two!", b"three", b"4")
    at, places = 12 + 2 * 20, list[tuple[int, int]]()
    for part in parts:
        places.append((at, len(part)))
        at += len(part)
    head = struct.pack("<4sHHHH", b"NCMH", 12, 0, at, 12)
    tables = b"".join(
        struct.pack("<3sBHH", b"IPS", 0, 20, following) + struct.pack("<6H", *pair[0], *pair[1], 0, 0)
        for following, pair in ((32, places[:2]), (0, places[2:]))
    )
    assert list(blocks.datagrams(head + tables + b"".join(parts))) == list(parts)


@given(st.binary(max_size=80))
def test_what_is_no_block_ends(tail: bytes) -> None:
    for block in (tail, b"NCMH" + tail):
        assert all(len(each) <= len(block) for each in blocks.datagrams(block))


def test_a_table_that_points_at_itself_is_read_once() -> None:
    looped = bytearray(blocks.packed(b"x", 0))
    looped[12 + 6 : 12 + 8] = struct.pack("<H", 12)
    assert list(blocks.datagrams(bytes(looped))) == [b"x"]
