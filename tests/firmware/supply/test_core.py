"""All of power that decides, together: which source is believed, a mains that does not carry, and random histories."""

import pytest

from bench.power_histories import run
from firmware.config import PowerHardware, PowerPolicy
from firmware.facts import PowerReading
from firmware.supply.battery import rated
from firmware.supply.core import STALE_S, WEAK_S, Around, Core, advance, believed, disagreements

RATING, LIMITS = rated(PowerHardware()), PowerPolicy()
SEED, HISTORIES = 20_261, 400


def test_random_histories_break_no_promise() -> None:
    """A few of the hundred thousand of `make bench-power`, with the seed printed."""
    found = run(HISTORIES, SEED)
    print(f"{HISTORIES} power histories, seed {SEED}: {dict(found)}")
    assert not [key for key in found if key.startswith("BROKEN")]
    assert found["clean stops"] > HISTORIES / 4 and found["lying"] > HISTORIES / 4


def test_a_mains_that_does_not_carry_the_unit_is_no_mains() -> None:
    core, states = Core(), list[str | None]()
    for second in range(int(WEAK_S) + 5):
        said = PowerReading(source="x", mains=True, percent=80.0, voltage_v=7.8, current_a=1.1, testing=False)
        core, _ = advance(core, RATING, said, Around(call=False), LIMITS, float(second))
        states.append(core.policy.state)
    assert states[0] == "normal" and states[-1] == "on-battery"


def test_a_battery_test_is_not_a_weak_mains() -> None:
    core = Core()
    for second in range(2 * int(WEAK_S)):
        said = PowerReading(source="x", mains=True, percent=80.0, voltage_v=7.8, current_a=1.1, testing=True)
        core, _ = advance(core, RATING, said, Around(call=False), LIMITS, float(second))
    assert core.policy.state == "normal"


HAT = PowerReading(source="power_supply", mains=True)
UPS = PowerReading(source="nut", mains=False)


@pytest.mark.parametrize(
    ("readings", "ages_s", "expected", "why"),
    [
        ([HAT], [0.0], "power_supply", "the only source"),
        ([HAT, UPS], [0.0, 0.0], "power_supply", "number 1"),
        ([HAT, UPS], [STALE_S, 0.0], "nut", "number 2"),
        ([PowerReading(source="power_supply", fault="x"), UPS], [0.0, 0.0], "nut", "number 2"),
        ([PowerReading(source="power_supply", mains=True, fault="x")], [0.0], "power_supply", "without a fault"),
        ([HAT, UPS], [STALE_S, STALE_S], None, "no source answers"),
        ([], [], None, "no source answers"),
    ],
)
def test_which_source_is_believed_and_why(
    readings: list[PowerReading], ages_s: list[float], expected: str | None, why: str
) -> None:
    said, words = believed(readings, ages_s)
    assert (said.source if said else None) == expected and why in words


def test_sources_that_disagree_are_told() -> None:
    assert disagreements([HAT, UPS], HAT) == ("nut says mains is lost, power_supply otherwise",)
    assert disagreements([PowerReading(source="nut", fault="away")], HAT) == ("nut: away",)
