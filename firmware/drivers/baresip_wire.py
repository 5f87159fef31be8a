"""baresip's control protocol (module ctrl_tcp, 1.0): netstrings of JSON, and what they mean. Pure.

A message is `{"command", "params", "token"}`, its answer `{"response", "ok", "data", "token"}`; in between come
`{"event", "type", ...}`. Only one client is served at a time.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from firmware.drivers.softphone import AudioReport, EventKind, RtcpReport, SoftphoneEvent

KINDS: dict[str, EventKind] = {
    "REGISTER_OK": "registered",
    "REGISTER_FAIL": "unregistered",
    "CALL_INCOMING": "incoming",
    "CALL_ESTABLISHED": "established",
    "CALL_CLOSED": "closed",
    "CALL_MENC": "secured",
    "CALL_RTCP": "reported",
}
MAX_LENGTH = 1 << 20


class WireError(ValueError):
    """What came is not a netstring of JSON: the connection is of no use any more."""


def message(command: str, params: str = "", token: str = "") -> bytes:
    """One command as it goes over the wire."""
    body = json.dumps({"command": command, "params": params, "token": token}).encode()
    return b"%d:%s," % (len(body), body)


class Decoder:
    """Bytes in, in any pieces; whole messages out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that are whole now; WireError where they cannot be."""
        self._rest += data
        while (body := self._take()) is not None:
            try:
                value = json.loads(body)
            except ValueError as error:
                raise WireError(f"softphone: no JSON in its message: {error}") from error
            if isinstance(value, dict):
                yield value

    def _take(self) -> bytes | None:
        digits, colon, rest = self._rest.partition(b":")
        if len(digits) > 7 or (digits and not digits.isdigit()) or (colon and (not digits or int(digits) > MAX_LENGTH)):
            raise WireError(f"softphone: not a netstring: {self._rest[:20]!r}")
        if not colon or len(rest) <= int(digits):
            return None
        body, end, self._rest = rest[: int(digits)], rest[int(digits) : int(digits) + 1], rest[int(digits) + 1 :]
        if end != b",":
            raise WireError(f"softphone: a netstring that does not end: {end!r}")
        return body


def event(message: dict[str, Any]) -> SoftphoneEvent | None:
    """What an event message says; None for those nobody here needs."""
    kind = KINDS.get(str(message.get("type", "")))
    if kind is None:
        return None
    return SoftphoneEvent(
        kind=kind,
        id=str(message.get("id", "")),
        peer=str(message.get("peeruri", "")),
        reason=str(message.get("param", "")),
        report=_report(message.get("rtcp_stats")),
    )


def _report(stats: dict[str, Any] | None) -> RtcpReport | None:
    """`rx` is what came here; times are in microseconds. Before the first report there is none: all is zero."""
    if not stats or not stats["rx"]["sent"]:
        return None
    rx = stats["rx"]
    return RtcpReport(
        received=max(0, rx["sent"] - rx["lost"]),
        lost=max(0, rx["lost"]),
        jitter_ms=rx["jit"] / 1000,
        rtt_ms=stats["rtt"] / 1000 if stats["rtt"] else None,
    )


FRAME_MS = 20
_DECODE = re.compile(r"rx:\s+decode: (\w+) ")
_LOCAL = re.compile(r"local: [\d.]+:(\d+)")
_HELD_BACK = re.compile(r"running=1 min=\d+ cur=(\d+)")
_PLAYOUT = re.compile(r"rx:.*?aubuf:.*?\(cur ([\d.]+)ms, max [\d.]+ms, or (\d+), ur (\d+)\)", re.DOTALL)


def audio(text: str) -> AudioReport:
    """What `audio_debug` says of the current call; what it does not say is None."""
    decode, local, held_back = _DECODE.search(text), _LOCAL.search(text), _HELD_BACK.search(text)
    playout = _PLAYOUT.search(text)
    return AudioReport(
        codec=decode[1].lower() if decode else "",
        port=int(local[1]) if local else None,
        reorder_ms=float(held_back[1]) * FRAME_MS if held_back else None,
        playout_ms=float(playout[1]) if playout else None,
        overruns=int(playout[2]) if playout else None,
        underruns=int(playout[3]) if playout else None,
    )
