"""LTE megabytes: counted, forecast, obeyed."""

from datetime import UTC, datetime

import pytest

from firmware.config import FailoverPolicy
from firmware.failover import budget
from firmware.failover.budget import MB, Usage, counted

SETTINGS = FailoverPolicy()


def test_idle_probing_of_a_month_fits_its_share() -> None:
    assert budget.idle_mb(SETTINGS.lte_ms) < 29
    assert budget.idle_mb(SETTINGS.lte_ms) < SETTINGS.lte_idle_mb == 35


def test_a_counter_that_begins_anew_loses_nothing_and_a_new_month_forgets() -> None:
    usage = counted(Usage(), "2026-11", 1_000)
    usage = counted(usage, "2026-11", 1_500)
    assert usage.used_bytes == 1_500
    usage = counted(usage, "2026-11", 200)
    assert usage.used_bytes == 1_700
    assert counted(usage, "2026-12", 300).used_bytes == 100


def test_the_forecast_goes_on_as_so_far() -> None:
    half = budget.elapsed(datetime(2026, 11, 16, tzinfo=UTC))
    assert half == pytest.approx(0.5)
    assert budget.forecast_mb(Usage("2026-11", int(100 * MB)), half) == pytest.approx(200)
    assert budget.forecast_mb(Usage("2026-11", int(MB)), 0.0) == pytest.approx(31)


@pytest.mark.parametrize(
    ("used_mb", "frugal", "stretch"), [(0, False, 1), (999, False, 1), (2_000, True, 2), (9e5, True, 6)]
)
def test_probing_slows_down_where_the_plan_runs_out(used_mb: float, frugal: bool, stretch: float) -> None:
    usage = Usage("2026-11", int(used_mb * MB))
    assert budget.frugal(SETTINGS, usage, 0.5) is frugal
    assert budget.stretch(SETTINGS, usage, 0.5) == pytest.approx(stretch)


def test_a_fast_interval_is_slowed_to_its_share() -> None:
    hasty = FailoverPolicy(lte_ms=1_000.0)
    assert budget.idle_mb(1_000.0 * budget.stretch(hasty, Usage(), 0.5)) == pytest.approx(35)
