"""What the unit sends by LTE comes to a socket of this machine, and its answer goes back whole."""

import asyncio
import socket
import struct

from hw.modem.mbim import internet
from hw.modem.mbim.internet import ECHO, ICMP, UDP, Internet, checksum, datagram
from tests.firmware.service_scene import eventually

UNIT, HUB = bytes((10, 64, 0, 2)), bytes((203, 0, 113, 1))


def udp(port: int, content: bytes) -> bytes:
    return datagram(UNIT, HUB, UDP, struct.pack(">HHHH", 40000, port, 8 + len(content), 0) + content)


async def test_a_question_and_its_answer() -> None:
    back = list[bytes]()
    net = Internet(back.append)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hub:
        hub.bind((internet.HERE, 0))
        hub.setblocking(False)
        await net.take(udp(hub.getsockname()[1], b"who"))
        said, who = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(hub, 100), 10)
        assert said == b"who"
        await asyncio.get_running_loop().sock_sendto(hub, b"it is me", who)
        await eventually(lambda: back, "the answer")
        port = hub.getsockname()[1]
    net.close()
    assert checksum(back[0][:20]) == 0
    assert (back[0][12:16], back[0][16:20], back[0][28:]) == (HUB, UNIT, b"it is me")
    assert struct.unpack_from(">HH", back[0], 20) == (port, 40000)


async def test_an_echo_is_answered_by_whoever_is_asked() -> None:
    back = list[bytes]()
    net = Internet(back.append)
    await net.take(datagram(UNIT, HUB, ICMP, bytes((ECHO, 0, 0, 0)) + b"\0\1\0\2data"))
    assert (back[0][20], back[0][24:], checksum(back[0][20:])) == (0, b"\0\1\0\2data", 0)


async def test_where_nothing_passes_nothing_comes() -> None:
    back = list[bytes]()
    net = Internet(back.append)
    net.carries = False
    await net.take(datagram(UNIT, HUB, ICMP, bytes((ECHO, 0, 0, 0)) + b"data"))
    net.carries = True
    await net.take(b"\x60" + bytes(40))
    for flags in (0x2000, 0x0010):
        whole = datagram(UNIT, HUB, ICMP, bytes((ECHO, 0, 0, 0)) + b"data")
        await net.take(whole[:6] + struct.pack(">H", flags) + whole[8:])
    assert (back, net.bytes) == ([], 0)
