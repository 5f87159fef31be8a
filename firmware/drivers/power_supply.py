"""Mains and battery from the kernel's `power_supply` class (Documentation/ABI/testing/sysfs-class-power).

A supply's `uevent` file holds all of its properties, so one small read a supply is one consistent snapshot. It is
polled: not every gauge's driver announces its changes, so events alone would leave a lost mains unseen. The battery is
read once in BATTERY_S only: a fuel gauge answers over a slow bus.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from firmware.facts import PowerReading

NAME = "power_supply"
MAINS_TYPES = {"Mains", "USB", "Wireless"}
PREFIX = "POWER_SUPPLY_"
BEHAVIOUR = "CHARGE_BEHAVIOUR"
BATTERY_S = 1.0


class PowerSupplyError(OSError):
    """The kernel's power supplies cannot be read or told; the message says which and what to do."""


Properties = Mapping[str, str]


def parse(text: str) -> dict[str, str]:
    """A `uevent` file: KEY=VALUE lines, those of the class without their prefix; other lines are left out."""
    pairs = (line.split("=", 1) for line in text.splitlines() if line.startswith(PREFIX) and "=" in line)
    return {key.removeprefix(PREFIX): value for key, value in pairs}


def micro(properties: Properties, *names: str) -> float | None:
    """The first of `names` that is there and a number, from the class's micro-units into units."""
    for name in names:
        try:
            return int(properties[name]) / 1e6
        except (KeyError, ValueError):
            continue
    return None


def percent(properties: Properties) -> float | None:
    """CAPACITY, or the finer charge or energy counters where the gauge has them, as it says it: even above 100."""
    for now, full in (("ENERGY_NOW", "ENERGY_FULL"), ("CHARGE_NOW", "CHARGE_FULL")):
        amount, whole = micro(properties, now), micro(properties, full)
        if amount is not None and whole:
            return round(100 * amount / whole, 2)
    try:
        return float(int(properties["CAPACITY"]))
    except (KeyError, ValueError):
        return None


def current_a(properties: Properties) -> float | None:
    """Positive out of the battery. Drivers differ in the sign, so STATUS gives the direction."""
    size = micro(properties, "CURRENT_NOW", "CURRENT_AVG")
    if size is None:
        power, volts = micro(properties, "POWER_NOW"), micro(properties, "VOLTAGE_NOW")
        size = power / volts if power is not None and volts else None
    if size is None:
        return None
    return abs(size) if properties.get("STATUS") == "Discharging" else -abs(size)


def mains(supplies: Iterable[Properties]) -> bool | None:
    """Whether any mains supply is online; None where there is none or none says."""
    said = [each.get("ONLINE") for each in supplies if each.get("TYPE") in MAINS_TYPES]
    if any(each not in (None, "0") for each in said):
        return True
    return False if "0" in said else None


def chosen(properties: Properties, name: str) -> str | None:
    """The value in brackets of `[auto] inhibit-charge force-discharge`, or the only one; None where there is none."""
    words = properties.get(name, "").split()
    marked = [word.strip("[]") for word in words if word.startswith("[")]
    return next(iter(marked or words), None)


def reading(supplies: Iterable[Properties]) -> PowerReading:
    """What the supplies say together; the first system battery that is present counts."""
    known = list(supplies)
    found = [
        each
        for each in known
        if each.get("TYPE") in ("Battery", "UPS") and each.get("SCOPE") != "Device" and each.get("PRESENT") != "0"
    ]
    battery = found[0] if found else {}
    return PowerReading(
        source=NAME,
        mains=mains(known),
        percent=percent(battery),
        voltage_v=micro(battery, "VOLTAGE_NOW"),
        current_a=current_a(battery),
        low=battery["CAPACITY_LEVEL"] == "Critical" if "CAPACITY_LEVEL" in battery else None,
        testing=chosen(battery, BEHAVIOUR) == "force-discharge" if BEHAVIOUR in battery else None,
        fault="" if battery else "no battery in the power supply class",
    )


class PowerSupply:
    """The supplies below `root`. A supply that vanishes in mid-read is left out; the next read finds it again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, dict[str, str]] = {}
        self._texts: dict[str, str] = {}
        self._said: PowerReading | None = None
        self._whole_at = float("-inf")

    def read(self, now: float) -> PowerReading:
        """Mains now, the battery as at most BATTERY_S before; PowerSupplyError where the class is not there."""
        before = mains(self._known.values())
        if now - self._whole_at >= BATTERY_S:
            self._whole(now)
        else:
            for name in [name for name, each in self._known.items() if each.get("TYPE") in MAINS_TYPES]:
                self._known[name] = self._supply(name)
        if mains(self._known.values()) != before:
            self._whole(now)
        self._said = self._said or reading(self._known.values())
        return self._said

    def _whole(self, now: float) -> None:
        self._said = None
        self._known, self._whole_at = self._supplies(), now

    def test(self, on: bool) -> None:
        """Runs the unit from the battery although mains is there, or ends that; PowerSupplyError where it cannot."""
        for name, properties in self._supplies().items():
            if BEHAVIOUR in properties:
                (self.root / name / "charge_behaviour").write_text("force-discharge" if on else "auto")
                return
        raise PowerSupplyError(f"power: no battery in {self.root} can be told to discharge; a test needs another gauge")

    def close(self) -> None:
        """Nothing is held open."""

    def _supplies(self) -> dict[str, dict[str, str]]:
        try:
            names = sorted(each.name for each in self.root.iterdir())
        except OSError as error:
            raise PowerSupplyError(f"power: cannot list {self.root}: {error.strerror}; is its driver in?") from error
        return {name: found for name in names if (found := self._supply(name))}

    def _supply(self, name: str) -> dict[str, str]:
        """One supply as it is now; parsed anew only where its text has changed."""
        try:
            text = _read(f"{self.root}/{name}/uevent")
        except OSError:
            text = ""
        if text and text == self._texts.get(name) and name in self._known:
            return self._known[name]
        self._texts[name], self._said = text, None
        return parse(text)


def _read(path: str) -> str:
    """One attribute in one read, as sysfs gives it (at most a page)."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 8_192).decode(errors="replace")
    finally:
        os.close(handle)
