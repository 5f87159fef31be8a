"""What the probes tell of the hub's time."""

import time

from firmware.failover.echo import HubTime
from firmware.failover.estimate import Clock


def test_nothing_is_known_before_the_first_answer() -> None:
    assert HubTime().wall_error_ms() is None


def test_the_error_of_our_clock_is_its_distance_from_the_hubs_and_the_bound_of_that() -> None:
    hub = HubTime()
    hub.clock = Clock(ahead_ms=250.0, error_ms=4.0, at=time.monotonic())
    error_ms = hub.wall_error_ms()
    assert error_ms is not None and 253 < error_ms < 259


def test_a_hub_far_away_in_time_is_told_as_far() -> None:
    hub = HubTime()
    hub.ahead_us += 3_600_000_000
    hub.clock = Clock(error_ms=1.0, at=time.monotonic())
    error_ms = hub.wall_error_ms()
    assert error_ms is not None and abs(error_ms - 3_600_001) < 5
