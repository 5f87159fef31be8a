"""Hears a call's packets come in, while there is one: the tap below, the counting above."""

import logging
import time

from firmware.config import CallPolicy
from firmware.drivers.rtp_tap import RtpTap, TapError
from firmware.voice.rtp_stream import Packet, Stream, count, parse, waited

G711_TYPES = {0, 8}  # RFC 3551, table 4; their clock is 8 kHz, that of Opus 48 kHz (RFC 7587, 4.1)
log = logging.getLogger("calls")


class Ear:
    """Opened at the first call, closed after the last; a unit that may not listen says so once a call."""

    def __init__(self, address: str, policy: CallPolicy) -> None:
        self.address, self.policy = address, policy
        self.tap: RtpTap | None = None
        self.deaf = False

    def hear(self, stream: Stream | None, port: int | None) -> Stream | None:
        """The stream with what came to `port` since it was asked last; None where nothing can be counted.

        The kernel stamps packets with the wall clock, so the open gap is taken with it too.
        """
        if self.tap is None and not self.deaf:
            self._open()
        if self.tap is None:
            return None
        stream = stream or Stream()
        for at_s, here, data in self.tap.packets():
            packet = parse(data, at_s)
            if packet and here == port:
                stream = count(stream, packet, clock_hz(packet))
        return waited(stream, time.time())

    def close(self) -> None:
        self.deaf = False
        if self.tap:
            self.tap.close()
            self.tap = None

    def _open(self) -> None:
        try:
            self.tap = RtpTap(self.address, self.policy.rtp_first_port, self.policy.rtp_last_port)
        except TapError as error:
            self.deaf = True
            log.warning("%s; lost packets and gaps of this call are unknown", error)


def clock_hz(packet: Packet) -> int:
    return 8_000 if packet.payload_type in G711_TYPES else 48_000
