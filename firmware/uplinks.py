"""The uplinks service, `org.homedispatch.Uplinks`: keeps the unit on the hub. Thin; `firmware.failover` decides.

Interfaces belong to NetworkManager: the one thing done to them is moving the metric of a default route. The tunnel to
the hub follows the default route, and everything else follows the tunnel.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from firmware import bus, facts
from firmware.drivers.networkmanager import NetworkManager
from firmware.drivers.ports import Link
from firmware.failover import budget, probing, record, steering, tunnels, voice_plane
from firmware.failover.hubaddress import resolved
from firmware.failover.meter import Meter
from firmware.failover.pilot import Pilot
from firmware.failover.record import Decision
from firmware.service import Unit, run

TICK_S, PUBLISH_EVERY, METER_EVERY, FIRST_LINKS_S = 1.0, 2, 10, 2.0
log = logging.getLogger("uplinks")


class Service:
    """Between the bus and the pilot."""

    def __init__(self, unit: Unit, links: NetworkManager) -> None:
        config = unit.config
        self.unit, self.links, self.config = unit, links, config
        self.export = bus.Export(unit.bus, "Uplinks", facts.Uplinks())
        lte = [each.interface for each in config.unit.uplinks if each.kind == "lte"]
        self.meter = Meter(Path(config.unit.folders.data) / "lte-usage.json", lte, config.site.failover)
        self.pilot = Pilot(config, links, _secret(Path(config.unit.probing_key)), self._decided)
        self.copying = copying(config.unit.voice_copies, links)
        self.voice = asyncio.Event()
        self.copied: bool | None = None
        self.call: facts.CallState | None = None
        self.panic: bool | None = None
        self.last = ""
        self.outage_ms: float | None = None
        self.started = False

    def _decided(self, decision: Decision) -> None:
        """On the log and on the bus, with all it was made from."""
        voice_plane.poke()
        self.last, self.outage_ms = msgspec.json.encode(decision).decode(), decision.outage_ms
        log.warning(
            "%s: %s carries the unit",
            decision.why,
            decision.to,
            extra={"facts": self.last, "outage_ms": self.outage_ms},
        )
        self.publish()

    def publish(self) -> None:
        now = asyncio.get_running_loop().time()
        usage, meter = self.meter.usage, self.meter
        self.export.set(
            facts.Uplinks(
                uplinks=record.shown(self.pilot.steering, now),
                last_decision=self.last,
                outage_ms=self.outage_ms,
                hub_silent=steering.hub_is_silent(self.pilot.steering, now),
                hub_clock_error_ms=whole(self.pilot.hub_time.wall_error_ms()),
                lte_used_mb=round(usage.used_bytes / budget.MB, 3),
                lte_forecast_mb=round(budget.forecast_mb(usage, meter.part), 1),
                lte_frugal=budget.frugal(self.config.site.failover, usage, meter.part),
            )
        )

    def tell(self) -> None:
        in_call = None if self.call is None else self.call != "idle"
        self.pilot.told(in_call, self.panic, self.meter.stretch)
        if self.copies_wanted() != self.copied:
            self.voice.set()

    async def copy_voice(self) -> None:
        """Copies of voice on LTE while they matter, and no longer; for ever."""
        while True:
            await self.voice.wait()
            self.voice.clear()
            wanted = self.copies_wanted()
            if wanted != self.copied and await self.switched(wanted):
                self.copied = wanted

    def copies_wanted(self) -> bool:
        states = [each.health.state for each in self.pilot.steering.facts.uplinks if each.kind == "ethernet"]
        wired: facts.UplinkState | None = "up" if "up" in states else "down" if states else None
        panic: facts.PanicState | None = None if self.panic is None else "raised" if self.panic else "idle"
        return voice_plane.copying_wanted(self.call, panic, wired)

    async def mend(self) -> None:
        """The voice plane, while nobody speaks on it."""
        if self.call != "idle" or self.panic is not False:
            return
        try:
            await self.copying.mend(asyncio.get_running_loop().time())
        except (OSError, RuntimeError) as error:
            log.warning("%s", error)

    async def switched(self, on: bool) -> bool:
        try:
            await self.copying.set(on)
        except (voice_plane.VoicePlaneError, ConnectionError, RuntimeError) as error:
            log.warning("%s", error)
            return False
        log.info("voice copies", extra={"on": on})
        return True

    async def watch_links(self) -> None:
        """Waits for NetworkManager's word at first, since the metrics tell who carried the unit before a restart."""
        async for links in self.links.changes():
            if self.started or any(link.state is not None for link in links.values()):
                self.linked(links)

    def linked(self, links: Mapping[str, Link]) -> None:
        self.started = True
        self.pilot.linked(links)
        self.publish()

    async def watch_calls(self) -> None:
        async for call in bus.follow(self.unit.bus, "Calls", facts.Call):
            self.call = call.state if call else None
            self.tell()

    async def watch_alerts(self) -> None:
        async for alerts in bus.follow(self.unit.bus, "Alerts", facts.Alerts):
            self.panic = None if alerts is None or alerts.open_alerts is None else alerts.open_alerts > 0
            self.tell()

    async def find_hub(self) -> None:
        site = self.config.site
        async for address in resolved(site.failover.probe_host or site.hub.host, site.hub.probe_port):
            self.pilot.hub_is_at(address)

    async def tick(self) -> None:
        """Holds that run out, LTE counted, and what is shown kept fresh."""
        loop = asyncio.get_running_loop()
        late = loop.time() + FIRST_LINKS_S
        for second in itertools.count():
            if not self.started and loop.time() >= late:  # without NetworkManager: probes need none
                self.linked(self.links.state())
            if second % METER_EVERY == 0:
                self.meter.read(loop.time())
                await self.mend()
            self.tell()
            if second % PUBLISH_EVERY == 0:
                self.publish()
            await asyncio.sleep(TICK_S)


def copying(how: str, links: NetworkManager) -> voice_plane.Copying:
    """Who makes the copies of voice on this kernel."""
    return voice_plane.MirrorCopying(links) if how == "mirror" else voice_plane.NftCopying()


def whole(value: float | None) -> float | None:
    """Rounded, so that a steady fact is not told anew each second."""
    return None if value is None else float(round(value))


def _secret(file: Path) -> bytes:
    """This unit's probing key, put there by provisioning; without it the service cannot know a true answer."""
    try:
        return probing.key(file.read_text())
    except (OSError, UnicodeDecodeError, probing.BadKey) as error:
        raise SystemExit(f"uplinks: {file}: {error}; provision the unit") from error


async def body(unit: Unit) -> None:
    uplinks = [(each.interface, each.kind) for each in unit.config.unit.uplinks]
    links = NetworkManager(unit.bus, [interface for interface, _ in uplinks], tunnels.pins(uplinks))
    service = Service(unit, links)
    await service.export.own()
    for task in (
        service.watch_links,
        service.watch_calls,
        service.watch_alerts,
        service.find_hub,
        service.tick,
        service.copy_voice,
    ):
        unit.group.create_task(task(), name=task.__name__)
    unit.group.create_task(service.pilot.act_forever(), name="act")
    unit.ready()


if __name__ == "__main__":
    run(body)
