"""The flight recorder: every press, decision, fault, call and update, chained. Bus name org.homedispatch.Recorder.

It listens by itself: to what changes in the facts of every service, to who comes and goes on the bus, and to the spool,
which needs no bus, and to what USBGuard refused. A service may also tell it something that is in no fact (`Record`).
What the hub missed is sent to it when it is there.
"""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import msgspec

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.record import usb_guard
from firmware.record.bus_listener import BusListener
from firmware.record.events import URGENT
from firmware.record.outbox import Outbox
from firmware.record.writer import Chain
from firmware.service import Unit, run
from firmware.watch import names

MOST_BYTES = 16_384
GATHER_S = 0.05  # one press makes several events; the flash is written once for those that come together
log = logging.getLogger("recorder")


class Recorder:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.policy = unit, unit.config.site.recorder
        data = Path(unit.config.unit.folders.data)
        self.folder, self.spool = data / "events", data / "spool"
        self.spool.mkdir(parents=True, exist_ok=True)
        self.chain = Chain(self.folder, self.policy.keep_events, now_rfc3339(), self.policy.segment_events)
        self.urgent, self.news = asyncio.Event(), asyncio.Event()
        self.outbox = Outbox(unit.bus, self.chain, self.policy.send_s, self.news.set)
        self.listener = BusListener(unit.bus, unit.group, self.record)
        self.recorded = self.lost = 0
        self.fault = ""
        record = bus.Method("Record", "ss", ("kind", "facts_json"), "x", self.record_asked)
        self.export = bus.Export(unit.bus, "Recorder", facts.Recorder(), [record])

    def record(self, kind: str, facts_json: bytes) -> None:
        """In the kernel's hands when this returns; on a full disk the event is counted lost, and that is a fault."""
        try:
            self.outbox.newest.append(self.chain.append(now_rfc3339(), kind, facts_json))
            self.recorded, self.fault = self.recorded + 1, ""
        except OSError as error:
            self.lost, self.fault = self.lost + 1, f"recorder: {self.folder}: {error.strerror}; free the disk"
            log.error("%s", self.fault)
        self.news.set()
        if kind in URGENT:
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
                sent_seq=self.outbox.sent_seq,
                recorded=self.recorded,
                lost=self.lost,
                faults=(self.fault,) if self.fault else (),
            )
        )


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
    await recorder.listener.listen()
    for task in (
        recorder.follow_spool,
        recorder.follow_usb,
        recorder.keep_synced,
        recorder.outbox.follow_hub,
        recorder.outbox.keep_hub_told,
    ):
        unit.group.create_task(task(), name=task.__name__)
    recorder.record("recorder.start", msgspec.json.encode({"unit": unit.config.unit.name}))
    unit.group.create_task(recorder.listener.look_around())
    unit.ready()
    try:
        await asyncio.Event().wait()
    finally:
        recorder.chain.close()
        recorder.outbox.keep()


if __name__ == "__main__":
    run(body)
