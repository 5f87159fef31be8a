"""Whether a release that was booted for the first time is good: pure, from what this unit measures of itself.

| evidence                               | must be                                                      |
|----------------------------------------|--------------------------------------------------------------|
| the panel's contacts are read          | so                                                           |
| every service of before is on the bus  | so                                                           |
| the headset's control opens            | so, or there was none before the update either               |
| an uplink proves itself                | so, or the hub was away before the update too                |

Good is all of it without a break for STEADY_S, so that what crashes and comes back is not good. What is not good after
LIMIT_S goes back, and says what was lacking.
"""

from typing import Literal

import msgspec

STEADY_S, LIMIT_S = 60.0, 600.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured now; None is unknown, which is no evidence."""

    panel: bool | None = None
    headset: bool | None = None
    uplink: bool | None = None
    services: tuple[str, ...] = ()


class Proof(msgspec.Struct, frozen=True):
    """Since when the release runs, and since when nothing has been lacking (None: something is), monotonic seconds."""

    since_s: float
    good_since_s: float | None = None


def lacking(now: Evidence, hub_before: bool, headset_before: bool, services_before: tuple[str, ...]) -> str:
    """What of the evidence is not there, in words; empty: all is."""
    away = sorted(set(services_before) - set(now.services))
    found = [
        "the panel is not read" if now.panel is not True else "",
        f"not running: {', '.join(away)}" if away else "",
        "the headset does not open" if headset_before and now.headset is not True else "",
        "no uplink proves itself" if hub_before and now.uplink is not True else "",
    ]
    return "; ".join(filter(None, found))


def decide(
    proof: Proof, lacks: str, now_s: float, steady_s: float = STEADY_S, limit_s: float = LIMIT_S
) -> tuple[Proof, Literal["wait", "good", "back"]]:
    """The proof as it stands at `now_s`, and what to do."""
    good_since_s = None if lacks else proof.good_since_s if proof.good_since_s is not None else now_s
    proof = Proof(proof.since_s, good_since_s)
    if good_since_s is not None and now_s - good_since_s >= steady_s:
        return proof, "good"
    return proof, "back" if now_s - proof.since_s >= limit_s and lacks else "wait"
