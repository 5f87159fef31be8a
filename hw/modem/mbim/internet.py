"""What lies behind the operator: this machine's loopback, for UDP; echoes are answered for whoever is asked.

IPv4 (RFC 791), UDP (RFC 768), ICMP echo (RFC 792). What is neither is dropped, and so is what comes in pieces, as by
operators whose address translation does not put them together.
"""

import asyncio
import struct
from collections.abc import Callable

HERE = "127.0.0.1"
ICMP, UDP, ECHO, ECHOED = 1, 17, 8, 0
Flow = tuple[bytes, int, bytes, int]  # the unit's address and port, and whom it speaks to


def checksum(data: bytes) -> int:
    """RFC 1071."""
    even = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(even) // 2}H", even))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def datagram(source: bytes, target: bytes, protocol: int, content: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), 0, 0, 64, protocol, 0) + source + target
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + content


def _is_piece(packet: bytes) -> bool:
    """More of it follows, or it is not the first."""
    return bool(int.from_bytes(packet[6:8]) & 0x3FFF)


class Internet:
    """`back` is given what comes for the unit; `carries` is whether anything passes at all."""

    def __init__(self, back: Callable[[bytes], None]) -> None:
        self.back, self.carries, self.bytes = back, True, 0
        self._flows: dict[Flow, asyncio.DatagramTransport] = {}

    async def take(self, packet: bytes) -> None:
        """A datagram of the unit's."""
        if not self.carries or len(packet) < 28 or packet[0] >> 4 != 4 or _is_piece(packet):
            return
        self.bytes += len(packet)
        content = packet[4 * (packet[0] & 15) : int.from_bytes(packet[2:4])]
        source, target = packet[12:16], packet[16:20]
        if packet[9] == UDP:
            await self._udp(source, target, content)
        elif packet[9] == ICMP and content[0] == ECHO:
            said = bytes((ECHOED, 0, 0, 0)) + content[4:]
            self._back(target, source, ICMP, said[:2] + struct.pack(">H", checksum(said)) + said[4:])

    def close(self) -> None:
        for transport in self._flows.values():
            transport.close()
        self._flows.clear()

    async def _udp(self, source: bytes, target: bytes, content: bytes) -> None:
        ours, theirs = struct.unpack_from(">HH", content)
        flow = (source, ours, target, theirs)
        if flow not in self._flows:
            loop = asyncio.get_running_loop()
            made = await loop.create_datagram_endpoint(lambda: _Answers(self, flow), remote_addr=(HERE, theirs))
            self._flows[flow] = made[0]
        self._flows[flow].sendto(content[8:])

    def answered(self, flow: Flow, data: bytes) -> None:
        source, ours, target, theirs = flow
        self._back(target, source, UDP, struct.pack(">HHHH", theirs, ours, 8 + len(data), 0) + data)

    def _back(self, source: bytes, target: bytes, protocol: int, content: bytes) -> None:
        if self.carries:
            made = datagram(source, target, protocol, content)
            self.bytes += len(made)
            self.back(made)


class _Answers(asyncio.DatagramProtocol):
    """One flow's way back."""

    def __init__(self, internet: Internet, flow: Flow) -> None:
        self.internet, self.flow = internet, flow

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  # it has one peer
        self.internet.answered(self.flow, data)
