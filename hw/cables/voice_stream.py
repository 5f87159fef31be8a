"""A voice-like stream, 50 packets a second each way, and the exact count of what became of it.

Arrival times are the kernel's (SO_TIMESTAMPNS, socket(7)), so a busy receiver adds no gap of its own; the sender's
longest pause is kept beside, since a machine that stalls makes gaps that no network made.
"""

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field

PERIOD_S = 0.02
SIZE = 172  # RTP header and 20 ms of G.711 (RFC 3550, RFC 3551)
LATE_S = 1.0
SO_TIMESTAMPNS = 35
HEADER, STAMP = struct.Struct("!4sI"), struct.Struct("=qq")
MAGIC = b"hduv"
Address = tuple[str, int]


@dataclass
class Tally:
    """One direction. A packet is lost when it has not come LATE_S after it was sent; times in seconds."""

    sent: int = 0
    duplicated: int = 0
    longest_gap_s: float = 0.0
    gap_began: float | None = None
    longest_pause_s: float = 0.0
    received: int = 0
    late: int = 0
    last_arrival: float | None = None
    last_sent: float | None = None
    _open: dict[int, float] = field(default_factory=dict)
    lost_numbers: set[int] = field(default_factory=set)

    @property
    def lost(self) -> int:
        return len(self.lost_numbers)

    def send(self, now: float) -> int:
        """The number of the packet that is sent now."""
        if self.last_sent is not None:
            self.longest_pause_s = max(self.longest_pause_s, now - self.last_sent)
        self.last_sent, self.sent = now, self.sent + 1
        self._open[self.sent] = now
        return self.sent

    def arrive(self, number: int, now: float) -> None:
        """Packet `number` has come; one that came before is a duplicate, one that came late stays lost, but `late`."""
        if self._open.pop(number, None) is None:
            self.late += number in self.lost_numbers
            self.duplicated += number not in self.lost_numbers
            return
        self.received += 1
        if self.last_arrival is not None and now - self.last_arrival > self.longest_gap_s:
            self.longest_gap_s, self.gap_began = now - self.last_arrival, self.last_arrival
        self.last_arrival = max(now, self.last_arrival or now)

    def expire(self, now: float) -> None:
        """Gives up what is overdue."""
        for number in [number for number, at in self._open.items() if now - at > LATE_S]:
            del self._open[number]
            self.lost_numbers.add(number)

    def summary(self, now: float) -> dict[str, float]:
        """Counts and milliseconds; a gap that still lasts counts as long as it is."""
        gap_s = max(self.longest_gap_s, now - (self.last_arrival or now) - PERIOD_S)
        return {
            "sent": self.sent,
            "received": self.received,
            "lost": self.lost,
            "late": self.late,
            "duplicated": self.duplicated,
            "longest_gap_ms": round(gap_s * 1000, 1),
            "sender_pause_ms": round(self.longest_pause_s * 1000, 1),
        }


class End:
    """One end of the stream: sends `out`, counts `into`. Without a peer it answers whoever spoke last (behind NAT)."""

    def __init__(self, own: socket.socket, peer: Address | None, out: Tally, into: Tally) -> None:
        self._socket, self._peer, self._learns = own, peer, peer is None
        self._out, self._in = out, into
        own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        asyncio.get_running_loop().add_reader(own, self._read)

    def send(self) -> None:
        """One packet; where the network refuses it, it is lost."""
        if self._peer is None:
            return
        packet = HEADER.pack(MAGIC, self._out.send(time.time())).ljust(SIZE, b"\0")
        with contextlib.suppress(OSError):
            self._socket.sendto(packet, self._peer)

    def _read(self) -> None:
        while True:
            try:
                data, ancillary, _, peer = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier packet, told once
            self._heard(data, ancillary, peer)

    def _heard(self, data: bytes, ancillary: list[tuple[int, int, bytes]], peer: Address) -> None:
        if len(data) != SIZE or HEADER.unpack_from(data)[0] != MAGIC:
            return
        if self._learns:
            self._peer = peer
        stamps = [STAMP.unpack(value) for _, kind, value in ancillary if kind == SO_TIMESTAMPNS]
        at = stamps[0][0] + stamps[0][1] / 1e9 if stamps else time.time()
        self._in.arrive(HEADER.unpack_from(data)[1], at)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


class VoiceStream:
    """The stream between a unit's socket and a hub's; up is unit to hub."""

    def __init__(self, unit: socket.socket, hub: socket.socket, to_hub: Address, to_unit: Address | None) -> None:
        self.up, self.down = Tally(), Tally()
        self._ends = (End(unit, to_hub, self.up, self.down), End(hub, to_unit, self.down, self.up))

    async def run(self, seconds: float | None = None) -> None:
        """Sends for so long, or until cancelled; what was missed is not caught up in a burst."""
        begins = due = asyncio.get_running_loop().time()
        while seconds is None or due - begins < seconds:
            for end in self._ends:
                end.send()
            for tally in (self.up, self.down):
                tally.expire(time.time())
            now = asyncio.get_running_loop().time()
            due = max(due + PERIOD_S, now - PERIOD_S)
            await asyncio.sleep(due - now)

    async def settle(self) -> None:
        """Waits until every packet has come or is lost."""
        await asyncio.sleep(LATE_S + PERIOD_S)
        for tally in (self.up, self.down):
            tally.expire(time.time() + PERIOD_S)

    def close(self) -> None:
        for end in self._ends:
            end.close()
