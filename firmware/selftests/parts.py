"""The parts asked: each method does one thing to the running unit and says what it found. Thin."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from firmware import bus, facts, kept
from firmware.buttons.panelfiles import PanelFiles
from firmware.config import Config, UplinkHardware
from firmware.drivers import kernel_clock
from firmware.failover import probing
from firmware.failover.echo import Echo, HubTime
from firmware.selftests import report as selftest
from firmware.selftests.report import Part, Scope

if TYPE_CHECKING:
    from sdbus import SdBus

F = TypeVar("F", bound=msgspec.Struct)
STATUS_S, MUTE_S, LAMP_S, PROBED_S = 5.0, 2.0, 2.0, 1.5
PROBES, PROBE_EVERY_S = {"ethernet": 10, "lte": 4}, 0.05


class Unanswered(Exception):
    """What everything else rests on does not answer; the message says which, and what to do."""


class Examination:
    """One self test of the unit on `bus`, as configured."""

    def __init__(self, bus: "SdBus", config: Config) -> None:
        self.bus, self.config = bus, config
        self.folders = config.unit.folders

    async def run(self, scope: Scope) -> AsyncIterator[Part]:
        """Every part of `scope` as it is found; only `power` asks for a battery test. Unanswered without a status."""
        status = await self.status()
        if scope == "all":
            for part in selftest.checks(status):
                yield part
            for found in (self.spool(), self.hub(), *map(self.uplink, self.config.unit.uplinks)):
                yield await found
            yield selftest.modem(bool(self.config.unit.modem.port), status.modem)
            yield read_clock()
            yield selftest.storage(status.storage)
        if scope in ("all", "power"):
            yield selftest.power_sources(self.config.unit.power.sources, status.power)
            yield selftest.battery(status.power)
        if scope == "power":
            yield await self.battery_test()
        if scope in ("all", "audio"):
            for part in await self.mute(status):
                yield part
            yield await self.sound(status, asked=scope == "audio")

    async def status(self) -> facts.Status:
        document = await self.until("Status", facts.Document, lambda fact: bool(fact.document), STATUS_S)
        if document is None:
            raise Unanswered("The unit does not know its own state: its status service does not answer. Restart it.")
        return msgspec.json.decode(document.document, type=facts.Status)

    async def until(self, name: str, kind: type[F], holds: Callable[[F], bool], bound_s: float) -> F | None:
        """The fact of the service `name` as soon as `holds` is true of it; None where it is not within `bound_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(bound_s), contextlib.aclosing(bus.follow(self.bus, name, kind)) as changes:
                async for fact in changes:
                    if fact is not None and holds(fact):
                        return fact
        return None

    # What is written and sent.

    async def spool(self) -> Part:
        """Writes as a press is written, under a name that nobody takes for an alert."""
        try:
            return selftest.spool(await asyncio.to_thread(written_ms, Path(self.folders.data) / "spool"))
        except OSError as error:
            return selftest.spool(None, f"{error.filename}: {error.strerror}")

    async def hub(self) -> Part:
        try:
            return selftest.hub(float(await bus.call(self.bus, "HubLink", "RoundTrip")))
        except bus.BusError as error:
            return selftest.hub(None, str(error))

    async def uplink(self, hardware: UplinkHardware) -> Part:
        """Probes of our own through this uplink and no other, beside those of the uplinks service."""
        try:
            secret = probing.key(Path(self.config.unit.probing_key).read_text())
            echo = Echo(hardware.interface, self.config.unit.name, secret, HubTime())
        except (OSError, probing.BadKey) as error:
            return selftest.uplink(hardware.name, (), 0, str(error))
        try:
            sent = PROBES[hardware.kind]
            return selftest.uplink(hardware.name, await self.probed(echo, sent), sent)
        finally:
            echo.close()

    async def probed(self, echo: Echo, sent: int) -> list[float]:
        """The round trips in ms of those of `sent` probes that were answered within PROBED_S of the last."""
        to = (self.config.site.failover.probe_host or self.config.site.hub.host, self.config.site.hub.probe_port)
        found: list[float] = []
        for _ in range(sent):
            echo.send(to, time.monotonic())
            await asyncio.sleep(PROBE_EVERY_S)
        ends = time.monotonic() + PROBED_S
        while len(found) < sent and time.monotonic() < ends:
            found += [answer.rtt_ms for _, answer in echo.heard()]
            await asyncio.sleep(PROBE_EVERY_S)
        return found

    # What is done to the headset; nothing of it while a call is on.

    async def mute(self, status: facts.Status) -> tuple[Part, ...]:
        """Mutes, sees silence measured and the lamp lit, and gives back what was; a muted microphone stays muted."""
        if why := selftest.busy(status):
            return tuple(Part(part=part, outcome="unavailable", words=why) for part in ("mute proof", "panel answers"))
        files = PanelFiles(Path(self.folders.data), Path(self.folders.run))
        if files.mute() == "muted":
            return await self.muted(0.0)
        began = time.monotonic()
        files.set_mute("muted")
        ours = identity(files)
        try:
            return await self.muted(began)
        finally:
            if identity(files) == ours:  # else somebody pressed MUTE meanwhile, and that counts
                files.set_mute("live")

    async def muted(self, began: float) -> tuple[Part, Part]:
        """Waits for the proof, then for the lamp. `began` 0: it was muted before."""
        headset = await self.until("Headset", facts.Headset, lambda fact: fact.mute_proven is True, MUTE_S)
        took_ms = None if headset is None else (time.monotonic() - began) * 1000 if began else 0.0
        panel = await self.until("Panel", facts.Panel, lambda fact: fact.lamps.mute == "on", LAMP_S)
        return selftest.muted_in_time(headset or facts.Headset(), panel or facts.Panel(), took_ms, MUTE_S)

    async def sound(self, status: facts.Status, asked: bool) -> Part:
        if why := selftest.busy(status):
            return Part(part="headset sound", outcome="unavailable", words=why)
        live = await self.until("Headset", facts.Headset, is_open, MUTE_S)
        if live is None:
            words = "not available: the microphone is muted; press MUTE, and try again"
            return Part(part="headset sound", outcome="unavailable", words=words)
        try:
            answer = await bus.call(self.bus, "Headset", "SelfTest")
        except bus.BusError as error:
            return Part(part="headset sound", outcome="failed", words=f"The headset did not answer ({error}).")
        return selftest.sound(msgspec.json.decode(answer, type=selftest.Soundcheck), asked)

    async def battery_test(self) -> Part:
        """Asks for a test; the power service says whether one begins, and refuses on a shift or in a call."""
        try:
            said = str(await bus.call(self.bus, "Power", "TestBattery"))
        except bus.BusError as error:
            return Part(part="battery test", outcome="unavailable", words=f"not available: {error}")
        begun = said.startswith("begins")
        return Part(
            part="battery test", outcome="passed" if begun else "unavailable", words=f"The battery test {said}."
        )


def is_open(headset: facts.Headset) -> bool:
    """Live, and read back so: the lamp is dark a moment before the switches are open."""
    return headset.mute_state == "live" and headset.muted is not True and headset.capture_cut is not True


def identity(files: PanelFiles) -> tuple[int, int]:
    """Changes whenever anybody writes the commanded mute."""
    found = (files.data / "mute").stat()
    return found.st_ino, found.st_mtime_ns


def written_ms(folder: Path) -> float:
    """How long one alert's worth of bytes takes to be on disk: written, renamed, and the folder synced. OSError."""
    began, file = time.monotonic(), folder / ".selftest.new"
    try:
        with file.open("wb") as out:
            out.write(b"x" * 256)
            out.flush()
            os.fsync(out.fileno())
        file = file.rename(folder / ".selftest")
        kept.sync(folder)
        return (time.monotonic() - began) * 1000
    finally:
        file.unlink(missing_ok=True)


def read_clock() -> Part:
    try:
        return selftest.clock(kernel_clock.error_ms())
    except kernel_clock.ClockError as error:
        return selftest.clock(None, str(error))
