"""Targets besides the hub, asked by ICMP echo (RFC 792) through one uplink: who answers when the hub does not.

Not authenticated, so it never makes an uplink good: it only tells a silent hub from a broken uplink. The uplink's own
gateway is asked too, but it is no witness for the uplink: it answers on a line that is dead behind it.
"""

import contextlib
import logging
import os
import socket
import struct
from collections.abc import Iterable

ECHO, ECHO_REPLY = 8, 0
HEADER = struct.Struct("!BBHHH")
log = logging.getLogger("others")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return int(~(total + (total >> 16)) & 0xFFFF)


def request(identifier: int, number: int, nonce: bytes) -> bytes:
    """One echo request."""
    body = HEADER.pack(ECHO, 0, 0, identifier, number) + nonce
    return HEADER.pack(ECHO, 0, checksum(body), identifier, number) + nonce


def sender(packet: bytes) -> str:
    """Who sent an IPv4 packet (RFC 791: the source address is at 12)."""
    return socket.inet_ntoa(packet[12:16])


def is_reply(packet: bytes, identifier: int, nonce: bytes) -> bool:
    """Whether an IPv4 packet is the echo reply to a request of ours."""
    start = (packet[0] & 15) * 4 if packet else 0
    if len(packet) < start + HEADER.size or start < 20:
        return False
    kind, _, _, found, _ = HEADER.unpack_from(packet, start)
    return kind == ECHO_REPLY and found == identifier and packet[start + HEADER.size :] == nonce


class Others:
    """The other targets of one uplink; needs CAP_NET_RAW, and without it says so once and never answers."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._identifier, self._nonce, self._number = int.from_bytes(os.urandom(2), "big"), os.urandom(8), 0
        self.socket: socket.socket | None = None
        try:
            self.socket = _raw()
        except OSError as error:
            log.warning("%s: no ICMP (%s): a dead hub cannot be told from a dead uplink", interface, error.strerror)

    def ask(self, targets: Iterable[str]) -> None:
        """By the interface of that name that is there now; nobody is asked where there is none."""
        self._number = (self._number + 1) & 0xFFFF
        packet = request(self._identifier, self._number, self._nonce)
        for target in targets:
            with contextlib.suppress(OSError):
                if self.socket:
                    self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode())
                    self.socket.sendto(packet, (target, 0))

    def answered(self) -> frozenset[str]:
        """Who answered since the last time."""
        found = set()
        while self.socket:
            try:
                packet = self.socket.recv(256)
            except BlockingIOError:
                break
            except OSError:
                continue
            if is_reply(packet, self._identifier, self._nonce):
                found.add(sender(packet))
        return frozenset(found)

    def close(self) -> None:
        if self.socket:
            self.socket.close()


def _raw() -> socket.socket:
    return socket.socket(
        socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP
    )
