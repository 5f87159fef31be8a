"""Round trip, jitter, loss and one-way delay of one path, from probes alone: pure arithmetic.

The round trip follows RFC 6298 (Jacobson): smoothed mean and deviation, and a timeout of `srtt + max(G, 4 * rttvar)`.
Jitter is shown as `rttvar`.
"""

from msgspec import Struct

ALPHA, BETA = 1 / 8, 1 / 4  # RFC 6298, section 2.3
GRANULARITY_MS = 5.0  # RFC 6298, G: on a path without jitter an answer must not race its own deadline
WINDOW = 64
MASK = (1 << WINDOW) - 1


class RoundTrip(Struct, frozen=True):
    """Smoothed round trip and its mean deviation, in ms; None before the first answer."""

    srtt_ms: float | None = None
    rttvar_ms: float = 0.0


def measured(path: RoundTrip, rtt_ms: float) -> RoundTrip:
    """RFC 6298, 2.2 and 2.3."""
    if path.srtt_ms is None:
        return RoundTrip(rtt_ms, rtt_ms / 2)
    off = rtt_ms - path.srtt_ms
    return RoundTrip(path.srtt_ms + ALPHA * off, path.rttvar_ms + BETA * (abs(off) - path.rttvar_ms))


def timeout_ms(path: RoundTrip, floor_ms: float, ceiling_ms: float) -> float:
    """How long an answer may take; `ceiling_ms` before the first one."""
    if path.srtt_ms is None:
        return ceiling_ms
    return min(max(path.srtt_ms + max(4 * path.rttvar_ms, GRANULARITY_MS), floor_ms), ceiling_ms)


def loss(window: int, seen: int) -> float | None:
    """The fraction lost of the last WINDOW probes: a set bit is a miss; None before the first outcome."""
    return window.bit_count() / min(seen, WINDOW) if seen else None


class Clock(Struct, frozen=True):
    """How far the hub's clock is ahead of ours, in ms, from the fastest exchange of late: `error_ms` bounds it.

    One clock serves all uplinks, since the hub is one: what the wired path tells makes the LTE path's two directions
    separately visible. Each sample ages at `DRIFT_MS_PER_S`, so that a better one of now replaces it.
    """

    ahead_ms: float = 0.0
    error_ms: float = float("inf")
    at: float = 0.0


DRIFT_MS_PER_S = 0.1  # two plain crystals: 100 ppm between them


def exchanged(clock: Clock, sent_ms: float, hub_ms: float, received_ms: float, now: float) -> Clock:
    """After one exchange (RFC 5905, 8): sent and received on our clock, at the hub at `hub_ms` on its own."""
    error_ms = max(received_ms - sent_ms, 0.0) / 2
    ahead_ms = hub_ms - (sent_ms + received_ms) / 2
    known_ms = clock.error_ms + DRIFT_MS_PER_S * (now - clock.at)
    stepped = abs(ahead_ms - clock.ahead_ms) > known_ms + error_ms  # both cannot be true: the hub's clock was set
    return Clock(ahead_ms, error_ms, now) if stepped or error_ms <= known_ms else clock


def one_way_ms(clock: Clock, sent_ms: float, hub_ms: float, received_ms: float) -> float:
    """The slower direction of one exchange; never less than half the round trip, never more than all of it."""
    there = hub_ms - sent_ms - clock.ahead_ms
    round_trip = received_ms - sent_ms
    return min(max(there, round_trip - there), round_trip)
