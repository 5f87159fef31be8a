"""Probes through one uplink and no other: a UDP socket bound to its interface. Thin; what it hears are facts."""

import ctypes
import math
import os
import socket
import struct
import time
from collections.abc import Iterator

from firmware.failover import estimate, probing
from firmware.failover.estimate import Clock
from firmware.failover.health import Answered
from firmware.failover.probing import Probe

SO_TIMESTAMPNS = 35  # socket(7); not in Python's socket module
DSCP_EF = 0xB8  # RFC 3246: a probe waits where voice waits
OUTSTANDING, NONCE = 64, 4
MAX_AGE_S = 5.0
TIMESPEC = struct.Struct("@ll")
UNSPECIFIED = struct.pack("@H14x", socket.AF_UNSPEC)


class HubTime:
    """What all uplinks share: what time the hub says it is. A step of our own wall clock does not move it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ahead_us = int((time.time() - time.monotonic()) * 1e6)

    def wall_error_ms(self) -> float | None:
        """How far our wall clock may be from the hub's, in ms; None before the first answer."""
        if math.isinf(self.clock.error_ms):
            return None
        hub_ms = self.ours_us(time.monotonic()) / 1000 + self.clock.ahead_ms
        return abs(hub_ms - time.time() * 1000) + self.clock.error_ms

    def ours_us(self, now: float) -> int:
        """Now as the hub would say it, good enough for its answer to be fresh."""
        return int(now * 1e6) + self.ahead_us


class Echo:
    """One uplink's socket. `send` a probe, `heard` the answers since; times are `time.monotonic()`.

    It is connected to the hub: from nobody else does the kernel hand it anything, so nothing is open to a stranger.
    """

    def __init__(self, interface: str, unit: str, secret: bytes, hub_time: HubTime) -> None:
        self.interface, self._secret, self._hub_time = interface, secret, hub_time
        self._unit = probing.identity(unit)
        self._sequence = int.from_bytes(os.urandom(3), "big")
        self._sent: dict[int, tuple[float, int, bytes]] = {}
        self._connected_to: tuple[str, int] | None = None
        self._nonces = nonces()
        self.sent_bytes = self.heard_bytes = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP_EF)

    def send(self, to: tuple[str, int], now: float) -> None:
        """One probe; a send that fails is a probe that gets no answer."""
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        sent_us = self._hub_time.ours_us(now)
        datagram = probing.ask(Probe(self._unit, self._sequence, sent_us, next(self._nonces)), self._secret)
        self._sent[self._sequence] = (now, sent_us, datagram)
        if len(self._sent) > OUTSTANDING:
            del self._sent[next(iter(self._sent))]
        if self._put(datagram, to):
            self.sent_bytes += len(datagram) + probing.HEADERS_BYTES

    def _put(self, datagram: bytes, to: tuple[str, int]) -> bool:
        """Whether it was sent. The first error may be an earlier probe's that the kernel tells late (ICMP), the second
        is this one's: then the address it was connected from may be gone, and it is connected from today's."""
        for anew in (False, False, True):
            try:  # not contextlib.suppress, which costs more than the hash
                self._connect(to, anew)
                self.socket.send(datagram)
            except OSError:
                continue
            return True
        return False

    def _connect(self, to: tuple[str, int], anew: bool) -> None:
        """Bound to the interface each time: `disconnect` takes that, too, and what is there today may be another one of
        that name, or none (OSError)."""
        if anew:
            disconnect(self.socket)
            self._connected_to = None
        if self._connected_to != to:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
            self.socket.connect(to)
            self._connected_to = to

    def heard(self, at_most: float = math.inf) -> Iterator[tuple[float, Answered]]:
        """Each true answer with when the kernel had it, so that a late reader strikes nobody; `at_most` so many."""
        while at_most > 0:
            at_most -= 1
            try:
                datagram, control, _, _ = self.socket.recvmsg(64, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier probe: that probe will be missing
            self.heard_bytes += len(datagram) + probing.HEADERS_BYTES
            fact = self._matched(datagram, _arrived_at(control))
            if fact:
                yield fact

    def _matched(self, datagram: bytes, at: float) -> tuple[float, Answered] | None:
        number = probing.sequence(datagram)
        asked = None if number is None else self._sent.get(number)
        if asked is None or number is None:
            return None
        sent_at, sent_us, probe = asked
        answer = probing.answered(datagram, probe, self._secret)
        if answer is None:
            return None
        del self._sent[number]
        return at, self._measured(sent_at, sent_us, answer, at)

    def _measured(self, sent_at: float, sent_us: int, answer: probing.Answer, at: float) -> Answered:
        """Round trip and the slower direction; a hub that finds our time wrong tells us its own."""
        shared = self._hub_time
        rtt_ms = max((at - sent_at) * 1000, 0.0)
        sent_ms, hub_ms = sent_us / 1000, answer.hub_us / 1000
        shared.clock = estimate.exchanged(shared.clock, sent_ms, hub_ms, sent_ms + rtt_ms, at)
        one_way_ms = estimate.one_way_ms(shared.clock, sent_ms, hub_ms, sent_ms + rtt_ms)
        if not answer.fresh:
            shared.ahead_us += answer.hub_us - sent_us
            shared.clock = Clock()
        return Answered(sent_at, rtt_ms, one_way_ms)

    def close(self) -> None:
        self.socket.close()


def disconnect(of: socket.socket) -> None:
    """Takes peer, own address, port and interface from a UDP socket (connect(2), AF_UNSPEC), which Python's own
    `connect` cannot; OSError where the kernel refuses."""
    if ctypes.CDLL(None, use_errno=True).connect(of.fileno(), UNSPECIFIED, len(UNSPECIFIED)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def nonces() -> Iterator[bytes]:
    """Fresh random bytes for a probe each, drawn many at a time: twenty probes a second need no call each."""
    while True:
        fresh = os.urandom(NONCE * OUTSTANDING)
        yield from (fresh[at : at + NONCE] for at in range(0, len(fresh), NONCE))


def _arrived_at(control: list[tuple[int, int, bytes]]) -> float:
    """The kernel's time of arrival (SO_TIMESTAMPNS, wall clock) on the monotonic clock."""
    now = time.monotonic()
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            age_s = time.time() - (seconds + nanoseconds / 1e9)
            return now - age_s if 0 <= age_s <= MAX_AGE_S else now
    return now
