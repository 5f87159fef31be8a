"""The battery hat as a twin: a `power_supply` tree as the kernel's, over a pack that discharges in real time.

`folder/power_supply/{AC,BAT0}/`: every attribute is replaced whole, so a reader never sees half a value. Beside it
`folder/backlight/screen/`: what on-battery dims; and `folder/powered-off`, which the power-off command makes.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from hw.power.pack import Pack

TICK_S, BRIGHTNESS = 0.5, 255
BOUNDS = {"percent": (0.0, 250.0), "voltage_v": (0.0, 60.0), "flicker_ms": (1.0, 5_000.0), "load_w": (0.5, 60.0)}
BOUNDS |= {"speed": (0.1, 600.0)}
SWITCHES = ("mains", "lying", "heal")


def checked(body: Mapping[str, object]) -> None:
    """ValueError in one line where `body` is not a command of this twin."""
    for name, value in body.items():
        if name in SWITCHES:
            if not isinstance(value, bool):
                raise ValueError(f"power: {name} = {value!r} must be true or false")
        elif name not in BOUNDS:
            raise ValueError(f"power: {name} is unknown; use {', '.join((*SWITCHES, *BOUNDS))}")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"power: {name} = {value!r} must be a number")
        elif not BOUNDS[name][0] <= value <= BOUNDS[name][1]:
            low, high = BOUNDS[name]
            raise ValueError(f"power: {name} = {value!r} must be from {low:g} to {high:g}")


class PowerTwin:
    """`lying` makes the gauge say 17 % whatever is true; `percent` above 100 is a gauge that says so.

    `voltage_v` is a voltage the gauge is stuck at; `speed` lets the pack's time run faster; `heal` undoes it all.
    """

    def __init__(self, folder: Path, pack: Pack | None = None) -> None:
        self.root = folder / "power_supply"
        self.powered_off = folder / "powered-off"
        self.screen = folder / "backlight" / "screen"
        self._new = folder / ".new"
        self.pack = self._first = pack or Pack(charge=0.97)
        self.mains, self.speed = True, 1.0
        self.lying, self.stuck_v, self.said_percent = False, None, None
        self._at, self._tasks = time.monotonic(), set[asyncio.Task[None]]()
        self._written: dict[Path, str] = {}

    stuck_v: float | None
    said_percent: float | None

    async def start(self) -> None:
        for name in ("AC", "BAT0"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.screen.mkdir(parents=True, exist_ok=True)
        for name in ("brightness", "max_brightness"):
            (self.screen / name).write_text(f"{BRIGHTNESS}\n")
        self.powered_off.unlink(missing_ok=True)
        self._put("BAT0", {"charge_behaviour": "auto"})
        self._write()
        self._tasks.add(asyncio.create_task(self._live()))

    def state(self) -> dict[str, object]:
        supplied = {key.lower(): value for key, value in self._battery().items() if key in ("CAPACITY", "STATUS")}
        return {
            "mains": self.mains,
            "percent": round(100 * self.pack.charge, 1),
            "voltage_v": round(self.pack.voltage_v(self._power_w()), 3),
            "load_w": self.pack.load_w,
            "minutes_left": round(self.pack.minutes_left(30.0), 1),
            "testing": self._forced(),
            "lying": self.lying,
            "gauge": supplied,
            "screen_percent": round(100 * int((self.screen / "brightness").read_text() or 0) / BRIGHTNESS),
            "powered_off": self.powered_off.exists(),
        }

    async def command(self, body: dict[str, object]) -> None:
        checked(body)
        numbers = {name: float(body[name]) for name in BOUNDS if name in body}  # type: ignore[arg-type]
        if body.get("heal"):
            self._heal()
        self._set(numbers)
        self.mains = bool(body.get("mains", self.mains))
        self.lying = bool(body.get("lying", self.lying))
        self._write()
        if "flicker_ms" in numbers:
            task = asyncio.create_task(self._flicker(numbers["flicker_ms"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        screen = (self.screen / "brightness", self.screen / "max_brightness")
        for path in (self._new, self.powered_off, *screen, *self._written):
            path.unlink(missing_ok=True)
        for folder in (self.root / "AC", self.root / "BAT0", self.root, self.screen, self.screen.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _heal(self) -> None:
        self.mains, self.lying, self.stuck_v, self.said_percent, self.speed = True, False, None, None, 1.0
        self.pack = replace(self._first, charge=self.pack.charge)
        self.powered_off.unlink(missing_ok=True)

    def _set(self, numbers: Mapping[str, float]) -> None:
        if "percent" in numbers:
            self.pack = replace(self.pack, charge=min(1.0, numbers["percent"] / 100))
            self.said_percent = numbers["percent"] if numbers["percent"] > 100 else None
        if "load_w" in numbers:
            self.pack = replace(self.pack, load_w=numbers["load_w"])
        self.stuck_v = numbers.get("voltage_v", self.stuck_v)
        self.speed = numbers.get("speed", self.speed)

    async def _flicker(self, length_ms: float) -> None:
        """Mains goes away for `length_ms` and comes back."""
        self.mains = False
        self._write()
        await asyncio.sleep(length_ms / 1000)
        self.mains = True
        self._write()

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._age()
            self._write()

    def _age(self) -> None:
        now = time.monotonic()
        passed, self._at = (now - self._at) * self.speed, now
        draining = not self.mains or self._forced()
        self.pack = self.pack.discharge(passed) if draining else self.pack.recharge(passed)

    def _forced(self) -> bool:
        try:
            return "force-discharge" in (self.root / "BAT0" / "charge_behaviour").read_text()
        except OSError:
            return False

    def _power_w(self) -> float:
        """Out of the pack; a full one on mains rests."""
        if not self.mains or self._forced():
            return self.pack.load_w
        return 0.0 if self.pack.charge >= 0.995 else -self.pack.charge_w / 2

    def _status(self) -> str:
        power = self._power_w()
        return "Discharging" if power > 0 else "Charging" if power < 0 else "Full"

    def _battery(self) -> dict[str, str]:
        power, pack = self._power_w(), self.pack
        volts = self.stuck_v if self.stuck_v is not None else pack.voltage_v(power)
        percent = self.said_percent if self.said_percent is not None else pack.percent
        return {
            "NAME": "BAT0",
            "TYPE": "Battery",
            "STATUS": self._status(),
            "PRESENT": "1",
            "TECHNOLOGY": "Li-ion",
            "VOLTAGE_NOW": str(int(volts * 1e6)),
            "CURRENT_NOW": str(int(power / max(1.0, pack.voltage_v(power)) * 1e6)),
            "CAPACITY": str(17 if self.lying else round(percent)),
            "CHARGE_BEHAVIOUR": "auto [force-discharge]" if self._forced() else "[auto] force-discharge",
        }

    def _write(self) -> None:
        self._put("AC", {"type": "Mains", "online": str(int(self.mains))})
        self._put("AC", {"uevent": _uevent({"NAME": "AC", "TYPE": "Mains", "ONLINE": str(int(self.mains))})})
        battery = self._battery()
        attributes = {key.lower(): value for key, value in battery.items() if key not in ("NAME", "CHARGE_BEHAVIOUR")}
        self._put("BAT0", {**attributes, "uevent": _uevent(battery)})

    def _put(self, supply: str, attributes: Mapping[str, str]) -> None:
        for name, value in attributes.items():
            path = self.root / supply / name
            if self._written.get(path) != value:
                self._new.write_text(value.rstrip("\n") + "\n")
                self._new.replace(path)
                self._written[path] = value


def _uevent(properties: Mapping[str, str]) -> str:
    return "".join(f"POWER_SUPPLY_{name}={value}\n" for name, value in properties.items())
