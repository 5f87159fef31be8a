"""Packets are found in whatever pieces they come."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from hw.usb import redirection
from hw.usb.redirection import LONG, SHORT, Endpoint, Kind, Packet, Reader

PACKETS = st.lists(
    st.builds(
        Packet, st.sampled_from([kind for kind in Kind if kind]), st.integers(0, (1 << 64) - 1), st.binary(max_size=300)
    ),
    max_size=8,
)


@given(packets=PACKETS, hello=st.booleans(), pieces=st.lists(st.integers(1, 40), max_size=60))
def test_whole_packets_come_out_in_order_however_they_were_cut(
    packets: list[Packet], hello: bool, pieces: list[int]
) -> None:
    data = b"".join(LONG.pack(kind, len(body), number) + body for kind, number, body in packets)
    expected = list(packets)
    if hello:
        body = b"QEMU".ljust(64, b"\0") + b"\xff\0\0\0"
        data = SHORT.pack(Kind.HELLO, len(body), 0) + body + data
        expected.insert(0, Packet(Kind.HELLO, 0, body))
    reader, found = Reader(), list[Packet]()
    for size in [*pieces, len(data)]:
        piece, data = data[:size], data[size:]
        found += reader.take(piece)
    assert found == expected


def test_endpoints_stand_at_their_address() -> None:
    (packet,) = Reader().take(redirection.endpoints({0x82: Endpoint(1, 1, 2, 96), 0x01: Endpoint(1, 1, 1, 192)}))
    kinds, sizes = packet.body[:32], struct.unpack("<32H", packet.body[96:])
    assert (kinds[0], kinds[1], kinds[16], kinds[18], kinds[2]) == (0, 1, 0, 1, redirection.INVALID)
    assert (sizes[1], sizes[18]) == (192, 96)
