"""Reads the RTP packets that come to this unit, as the kernel stamped them: a packet socket (packet(7)) and a filter.

It hears a copy; the call does not depend on it. It needs CAP_NET_RAW.
"""

import array
import fcntl
import socket
import struct
from collections.abc import Iterator

SIOCGIFADDR, SO_ATTACH_FILTER, SO_TIMESTAMPNS = 0x8915, 26, 35
ETH_P_IP = 0x0800
READ = 256
HEADERS = 64


class TapError(Exception):
    """The packets cannot be read; the call goes on without these figures."""


def interface_of(address: str) -> str:
    """The network interface that has the IPv4 address; TapError where none has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without an IPv4 address
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    raise TapError(f"rtp: no interface has {address}; is the tunnel up?")


def _filter(first_port: int, last_port: int) -> bytes:
    """Classic BPF: IPv4 UDP, no fragment, destination port within the two; 64 bytes of it. Else nothing."""
    program = [
        (0x30, 0, 0, 9),  # A = protocol
        (0x15, 0, 7, socket.IPPROTO_UDP),
        (0x28, 0, 0, 6),  # A = fragment offset
        (0x45, 5, 0, 0x1FFF),
        (0xB1, 0, 0, 0),  # X = length of the IP header
        (0x48, 0, 0, 2),  # A = destination port
        (0x35, 0, 2, first_port),
        (0x25, 1, 0, last_port),
        (0x06, 0, 0, HEADERS),
        (0x06, 0, 0, 0),
    ]
    return b"".join(struct.pack("HBBI", *each) for each in program)


class RtpTap:
    """`packets()` gives what came since it was asked last: (seconds, port here, beginning of the payload), no RTCP."""

    def __init__(self, address: str, first_port: int, last_port: int) -> None:
        """TapError where it may not, or the address is not here."""
        name = interface_of(address)
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except OSError as error:
            raise TapError(f"rtp: cannot hear {name}: {error.strerror}; the service needs CAP_NET_RAW") from error
        self._program = array.array("B", _filter(first_port, last_port))
        at, length = self._program.buffer_info()
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", length // 8, at))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._socket.bind((name, ETH_P_IP))  # from here on it hears, and nothing but what passes the filter

    def packets(self) -> Iterator[tuple[float, int, bytes]]:
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(READ, 64)
            except BlockingIOError:
                return
            udp = (data[0] & 0x0F) * 4
            port = int.from_bytes(data[udp + 2 : udp + 4])
            if port % 2 == 0:  # RTCP has the odd port, RFC 3550, 11
                yield _stamp(ancillary), port, data[udp + 8 :]

    def close(self) -> None:
        self._socket.close()


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel took the packet, in seconds."""
    ((_, _, data),) = ancillary
    seconds, nanoseconds = struct.unpack_from("@ll", data)
    return float(seconds) + float(nanoseconds) / 1e9
