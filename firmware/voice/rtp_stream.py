"""What came of an RTP stream, packet by packet: RFC 3550, 6.4.1, A.1, A.3 and A.8. Pure.

Counted at the network, before the playout buffer; SRTP leaves the header in clear (RFC 3711, 3.1).
"""

import struct

from msgspec.structs import replace

from firmware.facts import Fact

JUMP = 3_000  # a sequence number further off is a new stream, not a loss (MAX_DROPOUT of RFC 3550, A.1)


class Packet(Fact, frozen=True):
    """The header of one packet; `at_s` is when it came."""

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    at_s: float


class Stream(Fact, frozen=True):
    """The stream so far. `highest` and `first` are sequence numbers that do not wrap; `done` counts earlier sources.

    `longest_gap_ms` is the longest time between two packets: 20 where all is well.
    """

    ssrc: int | None = None
    first: int = 0
    highest: int = 0
    done: int = 0
    received: int = 0
    jitter_ms: float = 0.0
    longest_gap_ms: float = 0.0
    last_at_s: float | None = None
    transit_s: float | None = None

    @property
    def expected(self) -> int:
        return self.done + (self.highest - self.first + 1 if self.ssrc is not None else 0)

    @property
    def lost(self) -> int:
        """As RFC 3550, A.3 counts: one that comes twice makes up for one that does not; but never below zero."""
        return max(0, self.expected - self.received)

    @property
    def loss(self) -> float | None:
        """A fraction, 0 to 1; None before the first packet."""
        return self.lost / self.expected if self.expected else None


def parse(data: bytes, at_s: float) -> Packet | None:
    """The packet in a datagram's payload; None where it is not RTP version 2."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    kind, sequence, timestamp, ssrc = struct.unpack_from("!xBHII", data)
    return Packet(sequence=sequence, timestamp=timestamp, ssrc=ssrc, payload_type=kind & 0x7F, at_s=at_s)


def count(stream: Stream, packet: Packet, clock_hz: int) -> Stream:
    """The stream with `packet` in it; `clock_hz` is the RTP clock of its codec (8000 for G.711, 48000 for Opus)."""
    if packet.ssrc != stream.ssrc or abs(_step(stream, packet)) > JUMP:
        return _begun(stream, packet, clock_hz)
    step = _step(stream, packet)
    transit_s = packet.at_s - packet.timestamp / clock_hz
    return replace(
        stream,
        highest=stream.highest + max(0, step),
        received=stream.received + 1,
        jitter_ms=_jitter(stream, transit_s),
        longest_gap_ms=max(stream.longest_gap_ms, _gap_ms(stream, packet)),
        last_at_s=packet.at_s,
        transit_s=transit_s,
    )


def waited(stream: Stream, now_s: float) -> Stream:
    """The stream with the gap that is still open at `now_s`: silence shows before it ends."""
    if stream.last_at_s is None:
        return stream
    return replace(stream, longest_gap_ms=max(stream.longest_gap_ms, (now_s - stream.last_at_s) * 1000))


def pause(stream: Stream) -> Stream:
    """Nothing is expected until the next packet: the call is held. What was lost in between is not counted."""
    return replace(stream, ssrc=None, first=0, highest=0, done=stream.expected, last_at_s=None, transit_s=None)


def _step(stream: Stream, packet: Packet) -> int:
    """How far the packet is ahead of the highest so far, over the wrap at 65,536."""
    return (packet.sequence - stream.highest + 0x8000) % 0x10000 - 0x8000


def _begun(stream: Stream, packet: Packet, clock_hz: int) -> Stream:
    return replace(
        stream,
        ssrc=packet.ssrc,
        first=packet.sequence,
        highest=packet.sequence,
        done=stream.expected,
        received=stream.received + 1,
        longest_gap_ms=max(stream.longest_gap_ms, _gap_ms(stream, packet)),
        last_at_s=packet.at_s,
        transit_s=packet.at_s - packet.timestamp / clock_hz,
    )


def _gap_ms(stream: Stream, packet: Packet) -> float:
    return 0.0 if stream.last_at_s is None else (packet.at_s - stream.last_at_s) * 1000


def _jitter(stream: Stream, transit_s: float) -> float:
    """A.8: the mean deviation of the spacing at the receiver from that at the sender, smoothed by 16."""
    if stream.transit_s is None:
        return stream.jitter_ms
    deviation_ms = abs(transit_s - stream.transit_s) * 1000
    return stream.jitter_ms + (deviation_ms - stream.jitter_ms) / 16
