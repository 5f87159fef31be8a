"""What the kernel's files mean; garbage is unknown, never zero and never an exception but the driver's own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers import power_supply
from firmware.drivers.power_supply import PowerSupply, PowerSupplyError, chosen, parse, reading

BATTERY = {"TYPE": "Battery", "STATUS": "Discharging", "VOLTAGE_NOW": "7200000", "CURRENT_NOW": "1250000"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"CAPACITY": "97"}, 97.0),
        ({"CAPACITY": "120"}, 120.0),
        ({"CAPACITY": "x"}, None),
        ({}, None),
        ({"CAPACITY": "50", "ENERGY_NOW": "12340000", "ENERGY_FULL": "20000000"}, 61.7),
        ({"CAPACITY": "50", "CHARGE_NOW": "1", "CHARGE_FULL": "0"}, 50.0),
    ],
)
def test_percent(changed: dict[str, str], expected: float | None) -> None:
    assert reading([{**BATTERY, **changed}]).percent == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 1.25),
        ({"CURRENT_NOW": "-1250000"}, 1.25),
        ({"STATUS": "Charging"}, -1.25),
        ({"STATUS": "Full", "CURRENT_NOW": "0"}, 0.0),
        ({"CURRENT_NOW": "?", "POWER_NOW": "9000000"}, 1.25),
        ({"CURRENT_NOW": ""}, None),
    ],
)
def test_current_is_positive_out_of_the_battery(changed: dict[str, str], expected: float | None) -> None:
    assert reading([{**BATTERY, **changed}]).current_a == expected


@pytest.mark.parametrize(
    ("online", "expected"),
    [(["0"], False), (["1"], True), (["2"], True), (["0", "1"], True), ([], None), ([None], None)],
)
def test_mains_is_any_supply_that_is_online(online: list[str | None], expected: bool | None) -> None:
    supplies = [{"TYPE": "Mains"} | ({"ONLINE": each} if each is not None else {}) for each in online]
    assert reading([*supplies, BATTERY]).mains is expected


def test_a_headset_with_a_battery_is_not_the_units_battery() -> None:
    assert reading([{**BATTERY, "SCOPE": "Device", "CAPACITY": "5"}]).fault
    assert reading([{**BATTERY, "PRESENT": "0"}]).fault


def test_the_value_in_brackets_is_the_chosen_one() -> None:
    assert chosen({"A": "auto [force-discharge]"}, "A") == "force-discharge"
    assert chosen({"A": "auto"}, "A") == "auto" and chosen({}, "A") is None


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    reading([parse("POWER_SUPPLY_TYPE=Battery\n" + text)])


def test_a_root_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(PowerSupplyError, match="is its driver in"):
        PowerSupply(tmp_path / "none").read(0.0)


def test_a_supply_that_vanishes_makes_mains_unknown(tmp_path: Path) -> None:
    supply = tmp_path / "AC"
    supply.mkdir()
    (supply / "uevent").write_text("POWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=1\n")
    driver = PowerSupply(tmp_path)
    assert driver.read(0.0).mains is True
    (supply / "uevent").unlink()
    assert driver.read(0.1).mains is None
    (supply / "uevent").write_text("POWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=0\n")
    assert driver.read(0.1 + power_supply.BATTERY_S).mains is False


def test_only_a_battery_that_can_be_discharged_can_be_tested(tmp_path: Path) -> None:
    supply = tmp_path / "BAT0"
    supply.mkdir()
    (supply / "uevent").write_text("POWER_SUPPLY_TYPE=Battery\n")
    with pytest.raises(PowerSupplyError):
        PowerSupply(tmp_path).test(True)
    (supply / "uevent").write_text("POWER_SUPPLY_CHARGE_BEHAVIOUR=[auto] force-discharge\n")
    PowerSupply(tmp_path).test(True)
    assert (supply / "charge_behaviour").read_text() == "force-discharge"
