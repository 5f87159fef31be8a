"""The panel on the bus: its facts go out, what its lamps must show comes in. The panel itself knows no bus.

Out: `RUN/panel.json` as `org.homedispatch.Panel`. In: the measured facts of Headset and Readiness as `RUN/lamps.json`.
When this service or theirs is away the lamps say so: an unknown mute is a fault, an unknown verdict is not green.
"""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from firmware import bus, facts, pulse
from firmware.service import Unit, run
from firmware.watch import names

MUTE_PATTERN: dict[facts.MuteState | None, facts.Pattern] = {
    "live": "off",
    "muted": "on",
    "fault": "double",
    None: "double",
}
DAMAGED = "panel: its file cannot be read"
log = logging.getLogger("panelbus")


class LampRequest(facts.Fact, frozen=True):
    """What the lamps of other owners must show, and the fact behind the mute lamp."""

    mute: facts.Pattern
    safe: facts.Colour
    mute_state: facts.MuteState | None


def request(headset: facts.Headset | None, verdict: facts.Readiness | None) -> LampRequest:
    """Pure: measured facts to lamps. What is not known is never shown as good."""
    mute = headset.mute_state if headset else None
    return LampRequest(mute=MUTE_PATTERN[mute], safe=verdict.colour if verdict else "red", mute_state=mute)


def write(file: Path, content: bytes) -> None:
    """Whole or not at all, for whoever watches the folder."""
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(content)
    new.rename(file)


class PanelBus:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.run = unit, Path(unit.config.unit.folders.run)
        self.run.mkdir(parents=True, exist_ok=True)
        self.export = bus.Export(unit.bus, "Panel", facts.Panel())
        self.headset: facts.Headset | None = None
        self.verdict: facts.Readiness | None = None
        self.silent: frozenset[str] = frozenset()

    async def panel_out(self) -> None:
        async for name in names(self.run):
            if name in ("", "panel.json"):
                self.read()

    def read(self) -> None:
        try:
            self.export.set(msgspec.json.decode((self.run / "panel.json").read_bytes(), type=facts.Panel))
        except FileNotFoundError:
            self.export.set(facts.Panel(faults=("panel: its service has not started",)))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("panel.json refused: %s", error)
            self.export.set(msgspec.structs.replace(self.export.value, mute=None, faults=(DAMAGED,)))

    async def headset_in(self) -> None:
        async for fact in bus.follow(self.unit.bus, "Headset", facts.Headset):
            self.headset = fact
            self.show()

    async def verdict_in(self) -> None:
        async for fact in bus.follow(self.unit.bus, "Readiness", facts.Readiness):
            self.verdict = fact
            self.show()

    async def pulses_in(self) -> None:
        """What a service that hangs said last is not known any more."""
        async for silent in pulse.silent(self.unit.bus, ("Headset", "Readiness")):
            self.silent = silent
            self.show()

    def show(self) -> None:
        headset = None if "Headset" in self.silent else self.headset
        verdict = None if "Readiness" in self.silent else self.verdict
        write(self.run / "lamps.json", msgspec.json.encode(request(headset, verdict)))

    async def stay_fresh(self) -> None:
        """The panel takes an old request for a dead one: this says that the facts in it still hold."""
        while True:
            await asyncio.sleep(self.unit.config.unit.panel.lamps_stale_s / 3)
            os.utime(self.run / "lamps.json")


async def body(unit: Unit) -> None:
    service = PanelBus(unit)
    await service.export.own()
    service.show()
    for task in (service.panel_out(), service.headset_in(), service.verdict_in(), service.pulses_in()):
        unit.group.create_task(task)
    unit.ready()
    try:
        await service.stay_fresh()
    finally:
        write(service.run / "lamps.json", msgspec.json.encode(request(None, None)))


if __name__ == "__main__":
    run(body)
