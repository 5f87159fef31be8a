"""Where power facts come from: the sources of unit.toml, each read at its own pace, the last reading of each kept."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from firmware.config import PowerHardware
from firmware.facts import PowerReading

SLOW_S = 1.0
log = logging.getLogger("power")


class Source(Protocol):
    """One way to know about power. `read` and `test` raise OSError, in one line, where the hardware does not answer."""

    def read(self, now: float) -> PowerReading:
        """What is true now."""

    def test(self, on: bool) -> None:
        """Runs the unit from the battery although mains is there, or ends that."""

    def close(self) -> None:
        """Lets go of the hardware."""


def opened(name: str, hardware: PowerHardware) -> Source:
    """The driver that unit.toml names; only that one is loaded."""
    if name == "ups_serial":
        from firmware.drivers.ups_serial import UpsSerial

        return UpsSerial(hardware.ups_port, hardware.ups_baud)
    if name == "nut":
        from firmware.drivers.nut import Nut

        return Nut(
            hardware.nut_host, hardware.nut_port, hardware.nut_ups, hardware.nut_user, hardware.nut_password_file
        )
    from firmware.drivers.power_supply import PowerSupply

    return PowerSupply(Path(hardware.power_supply_root))


class Sources:
    """`readings` and `ages_s` are in the order of unit.toml; `news` is called after each reading."""

    def __init__(self, hardware: PowerHardware, news: Callable[[], None]) -> None:
        self.hardware, self.news = hardware, news
        self.all: dict[str, Source] = {name: opened(name, hardware) for name in hardware.sources}
        self.last: dict[str, PowerReading] = {name: PowerReading(source=name) for name in self.all}
        self.read_at = dict.fromkeys(self.all, float("-inf"))

    @property
    def readings(self) -> list[PowerReading]:
        return list(self.last.values())

    def ages_s(self, now: float) -> list[float]:
        return [now - at for at in self.read_at.values()]

    async def forever(self, name: str) -> None:
        """The kernel's files answer at once; what sits behind a line or a network is read in a thread."""
        quick = name == "power_supply"
        while True:
            now = time.monotonic()
            self._take(name, self._read(name, now) if quick else await asyncio.to_thread(self._read, name, now))
            self.news()
            await asyncio.sleep(self.hardware.poll_s if quick else max(SLOW_S, self.hardware.poll_s))

    def _read(self, name: str, now: float) -> PowerReading | OSError:
        try:
            return self.all[name].read(now)
        except OSError as error:
            return error

    def _take(self, name: str, said: PowerReading | OSError) -> None:
        if isinstance(said, OSError):
            if not self.last[name].fault:
                log.error("%s", said)
            self.last[name] = PowerReading(source=name, fault=str(said))
        else:
            self.last[name], self.read_at[name] = said, time.monotonic()

    async def test(self, name: str, on: bool) -> None:
        """OSError where the source cannot."""
        await asyncio.to_thread(self.all[name].test, on)

    def close(self) -> None:
        for each in self.all.values():
            each.close()
