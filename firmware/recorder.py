"""The flight recorder: every press, decision, fault, call and update, chained. Bus name org.homedispatch.Recorder.

It listens by itself: to what changes in the facts of every service, to who comes and goes on the bus, and to the spool,
which needs no bus, and to what USBGuard refused. A service may also tell it something that is in no fact (`Record`).
What the hub missed is sent when the hub is there, and counts as sent once the hub has acknowledged it; the number of
the newest such event is kept in `sent`, now and then: after a death the hub may get an event again, never one less.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
from sdbus.sd_bus_internals import SdBusMessage

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.record import chain, usb_guard
from firmware.record import events as recorder_facts
from firmware.record.writer import Chain
from firmware.service import Unit, run
from firmware.watch import names

MOST_BYTES = 16_384
SEND_EVENTS, NEWEST = 100, 500
GATHER_S = 0.05  # one press makes several events; the flash is written once for those that come together
KEEP_SENT_S = 60.0
log = logging.getLogger("recorder")


class Recorder:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.policy = unit, unit.config.site.recorder
        data = Path(unit.config.unit.folders.data)
        self.folder, self.spool, self.sent = data / "events", data / "spool", data / "events" / "sent"
        self.spool.mkdir(parents=True, exist_ok=True)
        self.chain = Chain(self.folder, self.policy.keep_events, now_rfc3339(), self.policy.segment_events)
        self.known: dict[str, Any] = {}
        self.urgent, self.news = asyncio.Event(), asyncio.Event()
        self.recorded = self.lost = 0
        self.fault, self.hub_there = "", False
        self.newest: deque[chain.Event] = deque(maxlen=NEWEST)
        self.sent_seq, self.keep_sent_at = self._sent(), 0.0
        record = bus.Method("Record", "ss", ("kind", "facts_json"), "x", self.record_asked)
        self.export = bus.Export(unit.bus, "Recorder", facts.Recorder(), [record])

    def record(self, kind: str, facts_json: bytes) -> None:
        """In the kernel's hands when this returns; on a full disk the event is counted lost, and that is a fault."""
        try:
            self.newest.append(self.chain.append(now_rfc3339(), kind, facts_json))
            self.recorded, self.fault = self.recorded + 1, ""
        except OSError as error:
            self.lost, self.fault = self.lost + 1, f"recorder: {self.folder}: {error.strerror}; free the disk"
            log.error("%s", self.fault)
        self.news.set()
        if kind in recorder_facts.URGENT:
            self.urgent.set()

    async def record_asked(self, kind: str, facts_json: str) -> int:
        """Takes one event from another service; returns its number. ValueError where it is no JSON object, or long."""
        if not kind or len(kind) > 64 or len(facts_json) > MOST_BYTES:
            raise ValueError(f"recorder: a kind of 1 to 64 and facts of at most {MOST_BYTES} characters, please")
        found = msgspec.json.decode(facts_json)
        if not isinstance(found, dict):
            raise ValueError("recorder: facts_json must be a JSON object")
        self.record(kind, msgspec.json.encode(found))
        return self.chain.last.seq

    # What it hears.

    async def listen(self) -> None:
        """Every fact that changes and every service that comes or goes."""
        changed = bus.PROPERTIES, "PropertiesChanged", self.changed
        self.slots = [
            await self.unit.bus.match_signal_async(None, None, *changed),
            await self.unit.bus.match_signal_async(
                bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "NameOwnerChanged", self.owner
            ),
        ]

    def changed(self, message: SdBusMessage) -> None:
        of, values, _ = message.parse_to_tuple()
        name = of.removeprefix(bus.PREFIX).removesuffix("1")
        if not of.startswith(bus.PREFIX) or name in recorder_facts.SKIPPED:
            return
        self.took(name, values)

    def took(self, name: str, values: dict[str, tuple[str, Any]]) -> None:
        """Some properties of the service `name`, as they are now."""
        try:
            now = recorder_facts.merged(name, self.known.get(name), values)
        except (msgspec.ValidationError, TypeError, ValueError, IndexError) as error:
            log.warning("%s said what cannot be read: %s", name, error)
            return
        found = recorder_facts.event(self.known.get(name), now)
        self.known[name] = now
        if found:
            self.record(name, msgspec.json.encode(found))

    def owner(self, message: SdBusMessage) -> None:
        name, _, new = message.parse_to_tuple()
        if name.startswith(bus.PREFIX):
            service = name.removeprefix(bus.PREFIX)
            self.known.pop(service, None)
            self.record("service", msgspec.json.encode({"name": service, "up": bool(new)}))
            if new:
                self.unit.group.create_task(self.look(service))

    async def look(self, name: str) -> None:
        """What a service says as a whole, so that the changes that follow are changes of something."""
        if name in recorder_facts.SKIPPED:
            return
        with contextlib.suppress(bus.BusError):  # it is gone again, or says nothing: what it says later is heard
            self.took(
                name,
                await bus.call_any(
                    self.unit.bus, bus.PREFIX + name, bus.path(name), bus.PROPERTIES, "GetAll", "s", bus.interface(name)
                ),
            )

    async def look_around(self) -> None:
        found = await bus.call_any(self.unit.bus, bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "ListNames")
        for name in found:
            if name.startswith(bus.PREFIX):
                await self.look(name.removeprefix(bus.PREFIX))

    async def follow_spool(self) -> None:
        """Each alert and what becomes of it, from its files: a press is recorded though the bus is dead."""
        async for name in names(self.spool):
            id, _, kind = name.partition(".")
            if kind in ("alert", "delivered", "acknowledged") and id:
                content = await asyncio.to_thread(_content, self.spool / name)
                if content is not None:
                    self.record(kind, msgspec.json.encode({"id": id, **content}))

    async def follow_usb(self) -> None:
        """Each device that was plugged in and is none of those a unit has."""
        async for refusal in usb_guard.refusals(Path(self.unit.config.unit.folders.usbguard)):
            log.warning("USB device refused: %s %s at port %s", refusal.id, refusal.name, refusal.port)
            self.record("usb.refused", msgspec.json.encode(refusal))

    # What becomes of it.

    async def keep_synced(self) -> None:
        """Urgent events reach the disk in GATHER_S (a press is in the spool before that), the others in `sync_s`; then
        the counters are announced."""
        while True:
            await self.news.wait()
            self.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.policy.sync_s):
                    await self.urgent.wait()
                    await asyncio.sleep(GATHER_S)
            self.urgent.clear()
            if self.chain.unsynced:
                await asyncio.to_thread(self.chain.syncing())
            self.announce()

    def announce(self) -> None:
        last = self.chain.last
        self.export.set(
            facts.Recorder(
                last_seq=last.seq,
                last_hash=last.hash,
                sent_seq=self.sent_seq,
                recorded=self.recorded,
                lost=self.lost,
                faults=(self.fault,) if self.fault else (),
            )
        )

    async def follow_hub(self) -> None:
        async for link in bus.follow(self.unit.bus, "HubLink", facts.Hub):
            self.hub_there = link is not None and link.connected is True

    async def keep_hub_told(self) -> None:
        """The hub gets what it missed, oldest first, in messages of at most SEND_EVENTS lines."""
        while True:
            await asyncio.sleep(self.policy.send_s)
            while self.hub_there and self.chain.last.seq > self.sent_seq:
                if not await self.send():
                    break

    async def send(self) -> bool:
        """False where the hub did not take it: it is tried again."""
        events = await asyncio.to_thread(self._missed)
        if not events:
            return False
        payload = msgspec.json.encode({"events": events}).decode()
        try:
            await bus.call(self.unit.bus, "HubLink", "Publish", "ss", "event", payload)
        except bus.BusError as error:
            log.info("the hub did not take the events: %s", error)
            return False
        self.sent_seq = events[-1].seq
        self.news.set()
        if time.monotonic() >= self.keep_sent_at:
            self.keep_sent_at = time.monotonic() + KEEP_SENT_S
            await asyncio.to_thread(self.keep_sent)
        return True

    def _missed(self) -> list[chain.Event]:
        """The next ones for the hub: from memory, or from the disk where it has missed more than that holds."""
        newest = list(self.newest)
        if newest and newest[0].seq <= self.sent_seq + 1:
            return [each for each in newest if each.seq > self.sent_seq][:SEND_EVENTS]
        return list(itertools.islice(chain.read(self.folder, after=self.sent_seq), SEND_EVENTS))

    def _sent(self) -> int:
        try:
            return int(self.sent.read_text())
        except (OSError, ValueError):
            return 0

    def keep_sent(self) -> None:
        temporary = self.sent.with_suffix(".new")
        temporary.write_text(str(self.sent_seq))
        temporary.replace(self.sent)


def _content(file: Path) -> dict[str, Any] | None:
    """What a file of the spool says; None where it was already moved on, {} for a mark without content."""
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


async def body(unit: Unit) -> None:
    recorder = Recorder(unit)
    await recorder.export.own()
    await recorder.listen()
    for task in (
        recorder.follow_spool,
        recorder.follow_usb,
        recorder.keep_synced,
        recorder.follow_hub,
        recorder.keep_hub_told,
    ):
        unit.group.create_task(task(), name=task.__name__)
    recorder.record("recorder.start", msgspec.json.encode({"unit": unit.config.unit.name}))
    unit.group.create_task(recorder.look_around())
    unit.ready()
    try:
        await asyncio.Event().wait()
    finally:
        recorder.chain.close()
        recorder.keep_sent()


if __name__ == "__main__":
    run(body)
