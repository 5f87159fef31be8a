"""How often each uplink is asked, as one table."""

import pytest

from firmware.config import FailoverPolicy
from firmware.facts import UplinkKind
from firmware.failover.pace import Part, pace, part

POLICY = FailoverPolicy()


@pytest.mark.parametrize(
    ("kind", "of", "interval_ms", "down_ms", "patient"),
    [
        ("ethernet", "active", 50, 100, False),
        ("ethernet", "urgent", 50, 100, False),
        ("ethernet", "standby", 500, 100, True),
        ("lte", "active", 250, 250, False),
        ("lte", "urgent", 1_000, 1_000, False),
        ("lte", "standby", 10_000, 10_000, False),
    ],
)
def test_each_part_has_its_pace(kind: UplinkKind, of: Part, interval_ms: float, down_ms: float, patient: bool) -> None:
    found = pace(POLICY, kind, of)
    assert (found.interval_ms, found.down_ms, found.patient) == (interval_ms, down_ms, patient)


def test_only_lte_in_standby_slows_down_when_the_plan_runs_out() -> None:
    slow = {
        (kind, of): pace(POLICY, kind, of, 3.0).interval_ms / pace(POLICY, kind, of).interval_ms
        for kind in ("ethernet", "lte")
        for of in ("active", "urgent", "standby")
    }
    assert {key for key, times in slow.items() if times != 1} == {("lte", "standby")}
    assert slow["lte", "standby"] == 3


def test_bursts_and_floors_are_each_kind_s_own() -> None:
    wired, lte = pace(POLICY, "ethernet", "active"), pace(POLICY, "lte", "active")
    assert (wired.burst_ms, wired.floor_ms, wired.quick_ms) == (POLICY.burst_ms, POLICY.floor_ms, POLICY.wired_quick_ms)
    assert (lte.burst_ms, lte.floor_ms, lte.quick_ms) == (POLICY.lte_burst_ms, POLICY.lte_floor_ms, POLICY.lte_quick_ms)


@pytest.mark.parametrize(
    ("active", "urgent", "expected"),
    [(True, True, "active"), (True, False, "active"), (False, True, "urgent"), (False, False, "standby")],
)
def test_what_an_uplink_is_for_now(active: bool, urgent: bool, expected: Part) -> None:
    assert part(active, urgent) == expected
