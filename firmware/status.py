"""The status service: puts the facts of every service together into the status document.

On the bus: `org.homedispatch.Status`, property `Document` (JSON). A service that is away, or hangs, leaves its unknowns
in the document; nothing here guesses. `hdu status` and the hub link read it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from firmware import bus, facts, pulse
from firmware.clock import now_rfc3339
from firmware.release.version import RELEASE, slot
from firmware.service import Unit, run
from firmware.storage import opened

log = logging.getLogger("status")
Merge = Callable[[facts.Status, Any], facts.Status]


def _section(field: str) -> Merge:
    return lambda status, fact: msgspec.structs.replace(status, **{field: fact})


def _uplinks(status: facts.Status, fact: facts.Uplinks) -> facts.Status:
    lte = facts.Lte(used_mb=fact.lte_used_mb, forecast_mb=fact.lte_forecast_mb, frugal=fact.lte_frugal)
    return msgspec.structs.replace(status, uplinks=fact.uplinks, outage_ms=fact.outage_ms, lte=lte)


def _link(status: facts.Status, fact: facts.Hub) -> facts.Status:
    return msgspec.structs.replace(status, hub=msgspec.structs.replace(status.hub, connected=fact.connected))


def _alerts(status: facts.Status, fact: facts.Alerts) -> facts.Status:
    hub = msgspec.structs.replace(status.hub, pending_alerts=fact.pending_alerts, spool_full=fact.spool_full)
    return msgspec.structs.replace(status, hub=hub)


SECTIONS: dict[str, tuple[type[msgspec.Struct], Merge]] = {
    "Readiness": (facts.Readiness, _section("readiness")),
    "Panel": (facts.Panel, _section("panel")),
    "Headset": (facts.Headset, _section("headset")),
    "Calls": (facts.Call, _section("call")),
    "Uplinks": (facts.Uplinks, _uplinks),
    "Modem": (facts.Modem, _section("modem")),
    "Power": (facts.Power, _section("power")),
    "HubLink": (facts.Hub, _link),
    "Alerts": (facts.Alerts, _alerts),
    "Updates": (facts.Update, _section("update")),
    "Clock": (facts.Clock, _section("clock")),
    "SelfTest": (facts.SelfTest, _section("selftest")),
    "RemoteHelp": (facts.RemoteHelp, _section("remote_help")),
    "Shift": (facts.Shift, _section("shift")),
    "Acceptance": (facts.Acceptance, _section("acceptance")),
}
# Whose process they live in.
BESIDE = {**dict.fromkeys(("Clock", "SelfTest", "Shift", "Acceptance"), "Readiness"), "RemoteHelp": "Panel"}


def document(unit: str, known: dict[str, msgspec.Struct], at: str, faults: tuple[str, ...] = ()) -> facts.Status:
    """The status of `unit` from the facts known now, by service name, and the faults of its configuration."""
    status = facts.Status(unit=unit, version=RELEASE, slot=slot(), at=at, configuration_faults=faults)
    for name, fact in known.items():
        status = SECTIONS[name][1](status, fact)
    return msgspec.structs.replace(status, clock=_clock(status.clock, known.get("Uplinks")))


def _clock(kernel: facts.Clock, uplinks: msgspec.Struct | None) -> facts.Clock:
    """What disciplines the clock knows best; without it, the hub's own clock as the probes tell it."""
    if kernel.error_ms is None and isinstance(uplinks, facts.Uplinks):
        return facts.Clock(error_ms=uplinks.hub_clock_error_ms)
    return kernel


class StatusService:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.known = unit, dict[str, msgspec.Struct]()
        self.silent: frozenset[str] = frozenset()
        self.storage = opened()
        self.export = bus.Export(unit.bus, "Status", facts.Document(document=self.text()))
        self.news = asyncio.Event()

    def text(self) -> str:
        name = self.unit.config.unit.name
        known = {each: fact for each, fact in self.known.items() if BESIDE.get(each, each) not in self.silent}
        status = document(name, known, now_rfc3339(), self.unit.faults)
        return msgspec.json.encode(msgspec.structs.replace(status, storage=self.storage)).decode()

    async def follow(self, name: str) -> None:
        async for fact in bus.follow(self.unit.bus, name, SECTIONS[name][0]):
            if fact is None:
                self.known.pop(name, None)
            else:
                self.known[name] = fact
            self.news.set()

    async def follow_pulses(self) -> None:
        async for silent in pulse.silent(self.unit.bus, SECTIONS.keys() - BESIDE.keys()):
            log.warning("services that hang: %s", ", ".join(sorted(silent)) or "none")
            self.silent = silent
            self.news.set()

    async def announce(self) -> None:
        """Facts that change together are announced together."""
        while True:
            await self.news.wait()
            await asyncio.sleep(0.01)
            self.news.clear()
            self.export.set(facts.Document(document=self.text()))


async def body(unit: Unit) -> None:
    service = StatusService(unit)
    await service.export.own()
    for name in SECTIONS:
        unit.group.create_task(service.follow(name))
    for task in (service.announce(), service.follow_pulses()):
        unit.group.create_task(task)
    unit.ready()


if __name__ == "__main__":
    run(body)
