"""The panel on the bus: its facts go out, what its lamps must show comes in. The panel itself knows no bus.

Out: `RUN/panel.json` as `org.homedispatch.Panel`. In: the measured facts of Headset and Readiness as `RUN/lamps.json`.
Beside it `org.homedispatch.RemoteHelp`: what the panel's hand consented to, as RUN/remote-help.json says.
When this service or theirs is away the lamps say so: an unknown mute is a fault, an unknown verdict is not green.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

import msgspec

from firmware import bus, facts, kept, pulse
from firmware.buttons.lamps import PROVISIONING, Request, of_blank
from firmware.service import Unit, run
from firmware.watch import names

MUTE_PATTERN: dict[facts.MuteState | None, facts.Pattern] = {
    "live": "off",
    "muted": "on",
    "fault": "double",
    None: "double",
}
HELP = "remote-help.json"
DAMAGED = "panel: its file cannot be read"
NOT_STARTED = "panel: its service has not started"
UNREAD = "panel: its contacts are not read"
log = logging.getLogger("panelbus")


def request(
    headset: facts.Headset | None, verdict: facts.Readiness | None, blank: facts.Provisioning | None = None
) -> Request:
    """Pure: measured facts to lamps. What is not known is never shown as good."""
    mute = headset.mute_state if headset else None
    colour = verdict.colour if verdict else "red"
    return Request(mute=MUTE_PATTERN[mute], safe=colour, mute_state=mute, safe_pattern=of_blank(blank))


class PanelBus:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.run = unit, Path(unit.config.unit.folders.run)
        self.run.mkdir(parents=True, exist_ok=True)
        self.export = bus.Export(unit.bus, "Panel", facts.Panel())
        self.help = bus.Export(unit.bus, "RemoteHelp", facts.RemoteHelp(state="off"))
        self.headset: facts.Headset | None = None
        self.verdict: facts.Readiness | None = None
        self.blank: facts.Provisioning | None = None
        self.silent: frozenset[str] = frozenset()

    async def panel_out(self) -> None:
        async for name in names(self.run):
            if name in ("", "panel.json"):
                self.read()
            if name in ("", HELP):
                self.read_help()
            if name in ("", PROVISIONING):
                self.read_blank()

    def read(self) -> None:
        try:
            panel = kept.read(self.run / "panel.json", facts.Panel)
            self.export.set(panel or facts.Panel(read=False, faults=(NOT_STARTED,)))
        except (OSError, kept.Damaged) as error:
            log.error("panel.json refused: %s", error)
            self.export.set(msgspec.structs.replace(self.export.value, read=None, mute=None, faults=(DAMAGED,)))

    async def touches_in(self) -> None:
        """A panel that hangs, or is dead, reads no contact and touches no file; by the clock here alone."""
        hardware = self.unit.config.unit.panel
        stale_s = max(hardware.lamps_stale_s, 3 * hardware.reread_s)
        touched, at = self.touched(), time.monotonic()
        while True:
            await asyncio.sleep(stale_s / 3)
            if (now := self.touched()) != touched:
                touched, at = now, time.monotonic()
                self.read_again()
            elif touched and time.monotonic() - at > stale_s:
                self.unread()

    def unread(self) -> None:
        told = self.export.value
        if UNREAD not in told.faults:
            log.error(UNREAD)
            self.export.set(msgspec.structs.replace(told, read=False, mute=None, faults=(*told.faults, UNREAD)))

    def read_again(self) -> None:
        if UNREAD in self.export.value.faults:
            self.read()

    def touched(self) -> int | None:
        """When, in nanoseconds of whatever clock; None where there is no panel yet."""
        try:
            return (self.run / "panel.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def read_help(self) -> None:
        """The door's own word while it is there; without it nobody is let in."""
        try:
            self.help.set(kept.read(self.run / HELP, facts.RemoteHelp) or facts.RemoteHelp(state="off"))
        except (OSError, kept.Damaged) as error:
            log.error("%s refused: %s", HELP, error)
            self.help.set(facts.RemoteHelp())

    def read_blank(self) -> None:
        try:
            self.blank = kept.read(self.run / PROVISIONING, facts.Provisioning)
        except (OSError, kept.Damaged) as error:
            log.error("%s refused: %s", PROVISIONING, error)
            self.blank = None
        self.show()

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
        kept.replace(self.run / "lamps.json", kept.seal(request(headset, verdict, self.blank)))

    async def stay_fresh(self) -> None:
        """The panel takes an old request for a dead one: this says that the facts in it still hold."""
        while True:
            await asyncio.sleep(self.unit.config.unit.panel.lamps_stale_s / 3)
            os.utime(self.run / "lamps.json")


async def body(unit: Unit) -> None:
    service = PanelBus(unit)
    await service.export.own()
    await service.help.own()
    service.show()
    tasks = (service.panel_out(), service.touches_in(), service.headset_in(), service.verdict_in(), service.pulses_in())
    for task in tasks:
        unit.group.create_task(task)
    unit.ready()
    try:
        await service.stay_fresh()
    finally:
        kept.replace(service.run / "lamps.json", kept.seal(request(None, None)))


if __name__ == "__main__":
    run(body)
