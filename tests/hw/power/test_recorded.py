"""Five batteries of different shapes: after one learning discharge the minutes are right, and the bound holds."""

import pytest

from bench.power_minutes import measure
from hw.power.recorded import FIVE

SEED = 4


@pytest.mark.parametrize("name", FIVE)
def test_minutes_left(name: str) -> None:
    """Three of the twenty days that `make bench-power` measures."""
    found = measure(name, SEED, days=3)
    print(f"{name}: seed {SEED}: {found}")
    assert found["median_error_percent"] <= 10 and found["bound_held_percent"] == 100
    assert found["minutes_compared"] > 200
