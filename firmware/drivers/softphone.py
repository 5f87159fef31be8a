"""What a softphone says, whoever makes it. `baresip.py` says how it is made to say it."""

from typing import Literal

from firmware.facts import Fact

EventKind = Literal["registered", "unregistered", "incoming", "established", "closed", "secured", "reported"]


class RtcpReport(Fact, frozen=True):
    """RTCP (RFC 3550, 6.4) of one call so far: what came here, and the round trip (None: not known yet)."""

    received: int
    lost: int
    jitter_ms: float
    rtt_ms: float | None


class SoftphoneEvent(Fact, frozen=True):
    """Something happened: `id` is the SIP Call-ID, `peer` a SIP URI, `reason` what the far end or the stack said."""

    kind: EventKind
    id: str = ""
    peer: str = ""
    reason: str = ""
    report: RtcpReport | None = None


class AudioReport(Fact, frozen=True):
    """The current call's audio: codec (`opus`, `pcmu`, `pcma`), the RTP port here, and the two buffers.

    `overruns` were dropped because the playout buffer was full, `underruns` played as silence because it was empty.
    """

    codec: str = ""
    port: int | None = None
    reorder_ms: float | None = None
    playout_ms: float | None = None
    overruns: int | None = None
    underruns: int | None = None
