"""No false switch-over in a simulated week; and that the simulation is the machine, and would see one."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware.failover import health as strikes
from firmware.failover.health import Answered, Health
from tests.firmware.failover import week
from tests.firmware.failover.week import RTT_MS, SENT, Life, clean, leap, lived


def stepped(health: Health, probes: int) -> Health:
    """The same clean probes, one by one."""
    for _ in range(probes):
        now = strikes.probe_at(health)
        health = strikes.happened(health, SENT, now)
        health = strikes.happened(health, Answered(now, RTT_MS, RTT_MS / 2), now + RTT_MS / 1000)
    return health


@settings(deadline=None)
@given(st.integers(0, 1_000_000), st.integers(0, 400), st.integers(0, 200))
def test_a_leap_is_what_stepping_would_do(seed: int, turns: int, probes: int) -> None:
    life = Life(seed)
    for _ in range(turns):
        life.turn()
    health = life.health
    assume(clean(health))
    one_by_one, at_once = stepped(health, probes), leap(health, probes)
    for name in health.__struct_fields__:
        if name not in ("path", "timeout_s", "one_way_ms"):  # these settle at the one round trip of the clean probes
            assert getattr(one_by_one, name) == pytest.approx(getattr(at_once, name), abs=1e-6), name


def test_a_burst_too_long_to_live_through_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(week, "BURST_S", (0.3, 0.4))
    assert "silent" in lived(1, 0.02).left


def test_a_line_that_loses_a_third_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(week, "LOSS", 0.3)
    assert "lossy" in lived(1, 0.02).left


def test_what_is_lived_through_is_what_was_asked_for() -> None:
    found = lived(3, 0.1)
    assert found.probes > 0.1 * week.DAY_S * 20
    assert week.LOSS < found.lost / found.probes < 1.5 * week.LOSS  # at random, and what the bursts take
    assert found.bursts == pytest.approx(0.1 * week.DAY_S / week.BURST_EVERY_S, rel=0.3)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("day", range(7))
def test_no_false_switch_over_in_a_week(day: int) -> None:
    """Never graded below doubt, which is the only way off an uplink: a day for each of the seven."""
    assert lived(day, 1.0).left == ""
