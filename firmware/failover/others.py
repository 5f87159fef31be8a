"""Targets besides the hub, asked by ICMP echo (RFC 792) through one uplink: who answers when the hub does not.

Not authenticated, so it never makes an uplink good: it only tells a silent hub from a broken uplink.
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
        self._identifier, self._nonce, self._number = int.from_bytes(os.urandom(2), "big"), os.urandom(8), 0
        self.socket: socket.socket | None = None
        try:
            self.socket = _raw(interface)
        except OSError as error:
            log.warning("%s: no ICMP (%s): a dead hub cannot be told from a dead uplink", interface, error.strerror)

    def ask(self, targets: Iterable[str]) -> None:
        self._number = (self._number + 1) & 0xFFFF
        packet = request(self._identifier, self._number, self._nonce)
        for target in targets:
            with contextlib.suppress(OSError):
                if self.socket:
                    self.socket.sendto(packet, (target, 0))

    def answered(self) -> bool:
        """Whether any target answered since the last time."""
        found = False
        while self.socket:
            try:
                found |= is_reply(self.socket.recv(256), self._identifier, self._nonce)
            except BlockingIOError:
                break
            except OSError:
                continue
        return found

    def close(self) -> None:
        if self.socket:
            self.socket.close()


def _raw(interface: str) -> socket.socket:
    made = socket.socket(
        socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP
    )
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    return made
