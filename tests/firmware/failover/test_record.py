"""What is shown and written of the uplinks: the state as it is, and the facts a decision was made from."""

import pytest
from msgspec.structs import replace

from firmware.config import FailoverPolicy
from firmware.facts import UplinkState
from firmware.failover import record, steering
from firmware.failover.estimate import RoundTrip
from firmware.failover.health import Health
from firmware.failover.policy import Facts, Move, Uplink

UP = Health(
    state="up",
    reason="",
    carrier=True,
    path=RoundTrip(12.34, 1.26),
    window=0b1,
    seen=4,
    proof_at=99.9,
    well_since=40.0,
    one_way_ms=6.17,
)
DOWN = replace(UP, state="down", reason="silent", well_since=None, misses=30)
NOW = 100.0


def shown(health: Health) -> tuple[UplinkState, str]:
    uplinks = (Uplink("wired", "ethernet", 0, health), Uplink("lte", "lte", 1, UP))
    (wired, _) = record.shown(steering.begin(FailoverPolicy(), uplinks, "lte", NOW), NOW)
    return wired.state, wired.reason


@pytest.mark.parametrize(
    ("health", "state", "reason"),
    [
        (UP, "up", ""),
        (DOWN, "down", "silent"),
        (replace(DOWN, near_at=NOW - 1), "down", "silent, but its gateway answers"),
        (replace(DOWN, near_at=NOW - 60), "down", "silent"),
        (replace(DOWN, other_at=NOW - 1), "suspect", "the hub is silent, others answer"),
        (replace(DOWN, other_at=NOW - 1, near_at=NOW - 1), "suspect", "the hub is silent, others answer"),
        (replace(DOWN, other_at=NOW - 1, near_at=NOW, carrier=False, reason="no carrier"), "down", "no carrier"),
    ],
)
def test_what_is_broken_is_said(health: Health, state: UplinkState, reason: str) -> None:
    assert shown(health) == (state, reason)


def test_figures_are_rounded_and_unknown_stays_unknown() -> None:
    uplinks = (Uplink("wired", "ethernet", 0, UP), Uplink("lte", "lte", 1, Health()))
    wired, lte = record.shown(steering.begin(FailoverPolicy(), uplinks, "wired", NOW), NOW)
    assert (wired.active, wired.rtt_ms, wired.jitter_ms, wired.loss) == (True, 12.3, 1.3, 0.25)
    assert (lte.active, lte.state, lte.rtt_ms, lte.jitter_ms, lte.loss) == (False, "unknown", None, None, None)


def decided(why: str, outage_ms: float | None, panic: bool | None = None) -> record.Decision:
    uplinks = (Uplink("wired", "ethernet", 0, DOWN), Uplink("lte", "lte", 1, UP), Uplink("new", "lte", 2, Health()))
    move = Move(why, "lte", "wired", outage_ms)  # type: ignore[arg-type]
    return record.decision(move, Facts(uplinks, True, panic), NOW, "2026-11-22T10:00:00.000Z", 3.21)


def test_a_decision_carries_every_fact_it_was_made_from() -> None:
    found = decided("fail-over", 150.04)
    wired, lte, new = found.uplinks
    assert (found.to, found.origin, found.in_call, found.panic, found.acted_ms) == ("lte", "wired", True, None, 3.2)
    assert (wired.grade, wired.misses, wired.reason) == ("down", 30, "silent")
    assert (lte.rtt_ms, lte.one_way_ms, lte.proven_ms_ago, lte.well_s) == (12.3, 6.2, 100.0, 60.0)
    assert (new.proven_ms_ago, new.well_s, new.grade) == (None, None, "unknown")


def test_an_outage_lasts_until_the_routes_are_changed_and_a_fail_back_has_none() -> None:
    assert decided("fail-over", 150.04).outage_ms == pytest.approx(153.2, abs=0.06)
    assert decided("fail-back", 0.0).outage_ms == 0.0
    assert decided("boot", None).outage_ms is None
