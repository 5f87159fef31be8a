"""The alerts service: takes what the panel put into the spool to the hub, until a person has answered.

On the bus: `org.homedispatch.Alerts` with the methods `Acknowledge(id, by, at)` and `Held(id)`, called by the hub link.
Delivery goes through `HubLink.Publish`, texts through `Modem.SendSms`; either may be away, the spool is patient. A hub
that comes back may have forgotten anything since its last save: every open alert is told again, every answered one that
it holds is taken back.
"""

import asyncio
import contextlib
import logging
import time
from pathlib import Path

import msgspec

from firmware import bus, delivery, facts
from firmware.config import AlertPolicy
from firmware.service import Unit, run
from firmware.spool import ACKNOWLEDGED, ALERT, DELIVERED, Entry, Spool, SpoolError
from firmware.watch import names

SWEEP_S = 10.0
TEXT_TRIES, TEXT_AGAIN_S = 60, 5.0
log = logging.getLogger("alerts")


class AlertsService:
    def __init__(self, unit: Unit, spool: Spool) -> None:
        self.unit, self.spool = unit, spool
        self.policy: AlertPolicy = unit.config.site.alerts
        self.entries: dict[str, Entry] = {}
        self.tries: dict[str, delivery.Try] = {}
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.wake = asyncio.Event()
        self.via = ""
        self.reserve_full = not spool.keep_reserve()
        acknowledge = bus.Method("Acknowledge", "sss", ("id", "by", "at"), "b", self.acknowledge)
        held = bus.Method("Held", "s", ("id",), "", self.held)
        self.export = bus.Export(unit.bus, "Alerts", facts.Alerts(), [acknowledge, held])

    async def acknowledge(self, id: str, by: str, at: str) -> bool:
        """A person answered: on disk when this returns. False where the alert is not (or no longer) open here."""
        entry = self.spool.entry(id)
        if entry is None:
            return False
        if entry.acknowledged is None:
            answer = facts.Acknowledgement(id=id, by=by, at=at)
            await asyncio.to_thread(self.spool.mark, id, "acknowledged", answer)
            log.info("acknowledged", extra={"alert": id, "by": by})
        self.look(id)
        return True

    async def held(self, id: str) -> None:
        """The hub holds the alert `id` from before: taken back where it is closed here; what is unknown here stays."""
        if self.spool.entry(id) is None and self.spool.closed(id):
            await self.to_hub(f"alert/{id}", "")
            log.info("taken back", extra={"alert": id})

    async def watch(self) -> None:
        """Follows the spool for ever; a file that appears is looked at once."""
        async for name in names(self.spool.folder):
            if not name:
                self.look_at_all()
            elif Path(name).suffix in (ALERT, DELIVERED, ACKNOWLEDGED):
                self.look(Path(name).stem)

    def look_at_all(self) -> None:
        self.entries = {entry.alert.id: entry for entry in self.spool.entries()}
        self.wake.set()

    def look(self, id: str) -> None:
        entry = self.spool.entry(id)
        if entry is None:
            self.entries.pop(id, None)
            self.tries.pop(id, None)
        else:
            self.entries[id] = entry
        self.wake.set()

    async def deliver(self) -> None:
        """Decides for every open alert, acts, and sleeps until the next one is due or something changed."""
        while True:
            self.wake.clear()
            now = time.monotonic()
            due = min([now + SWEEP_S, *(self.step(entry, now) for entry in list(self.entries.values()))])
            self.publish_fact()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self.wake.wait()
            self.reserve_full = not self.spool.keep_reserve()

    def step(self, entry: Entry, now: float) -> float:
        id = entry.alert.id
        if id in self.busy:
            return float("inf")
        self.tries[id], actions, due = delivery.decide(entry, self.tries.get(id), now, self.policy)
        if actions:
            task = self.busy[id] = self.unit.group.create_task(self.act_all(entry, actions))
            task.add_done_callback(lambda _: self.done(id))
        return due

    def done(self, id: str) -> None:
        self.busy.pop(id, None)
        self.wake.set()

    async def act_all(self, entry: Entry, actions: list[delivery.Action]) -> None:
        for action in actions:
            try:
                await self.act(entry, action)
            except (bus.BusError, SpoolError) as error:
                log.warning("%s", error, extra={"alert": entry.alert.id})

    async def act(self, entry: Entry, action: delivery.Action) -> None:
        id = action.id
        match action:
            case delivery.Send(attempt=attempt):
                await self.send(entry, attempt)
            case delivery.Text():
                await self.text(entry)
            case delivery.Clear():
                await self.to_hub(f"alert/{id}", "")
                self.tries[id] = delivery.cleared(self.tries[id])
            case delivery.Close():
                self.spool.close(id, self.policy.keep_alerts)
                self.look(id)

    async def send(self, entry: Entry, attempt: int) -> None:
        here, via = self.unit.config.unit.name, self.route(entry.alert.id)
        alert = msgspec.structs.replace(entry.alert, unit=here, attempt=attempt, via=via)
        await self.to_hub(f"alert/{alert.id}", msgspec.json.encode(alert).decode())
        if not entry.delivered:
            await asyncio.to_thread(self.spool.mark, alert.id, "delivered")
            log.info("delivered", extra={"alert": alert.id, "kind": alert.kind, "attempt": attempt, "via": alert.via})
        if alert.id in self.tries:
            self.tries[alert.id] = delivery.delivered(self.tries[alert.id], time.monotonic(), self.policy)
        self.look(alert.id)

    def route(self, alert_id: str) -> str:
        """How the alert travels: the active uplink, after `sms+` where a text went ahead."""
        return f"sms+{self.via}" if self.tries[alert_id].texted else self.via

    async def to_hub(self, topic: str, payload: str) -> None:
        await bus.call(self.unit.bus, "HubLink", "Publish", "ss", topic, payload)

    async def text(self, entry: Entry) -> None:
        """To every number at once, each by itself: a message may take the network a minute."""
        for number in self.policy.sms_numbers:
            self.unit.group.create_task(self.text_one(entry.alert, number))

    async def text_one(self, alert: facts.Alert, number: str) -> None:
        """Until it is sent, the hub has the alert after all, or TEXT_TRIES; the same words are never sent twice."""
        words = f"{alert.kind.upper()} {alert.unit} {alert.raised_at} no data link; alert {alert.id}"
        for _ in range(TEXT_TRIES):
            entry = self.entries.get(alert.id)
            if entry is None or entry.delivered:
                return
            try:
                await bus.call(self.unit.bus, "Modem", "SendSms", "ss", number, words)
            except bus.BusError as error:
                log.warning("%s", error, extra={"alert": alert.id, "to": number})
                await asyncio.sleep(TEXT_AGAIN_S)
            else:
                log.info("texted", extra={"alert": alert.id, "to": number})
                return

    def publish_fact(self) -> None:
        known = self.entries.values()
        self.export.set(
            facts.Alerts(
                pending_alerts=sum(not entry.delivered and not entry.acknowledged for entry in known),
                open_alerts=sum(entry.acknowledged is None for entry in known),
                spool_full=self.reserve_full,
            )
        )

    async def follow_uplinks(self) -> None:
        """Which uplink an alert goes over is said in the alert; a change is a reason to try again at once."""
        async for fact in bus.follow(self.unit.bus, "Uplinks", facts.Uplinks):
            self.via = next((each.name for each in fact.uplinks if each.active), "") if fact else ""

    async def follow_link(self) -> None:
        """When the hub comes back, every alert goes at once: also one it had, for it may have lost it."""
        was_there = True  # at the start every alert goes out anyway
        async for fact in bus.follow(self.unit.bus, "HubLink", facts.Hub):
            there = fact is not None and fact.connected is True
            came_back, was_there = there and not was_there, there
            if came_back:
                self.tries = {id: delivery.again(each) for id, each in self.tries.items()}
                self.wake.set()


async def body(unit: Unit) -> None:
    spool = Spool(Path(unit.config.unit.folders.data) / "spool", unit.config.site.alerts.reserve_bytes)
    service = AlertsService(unit, spool)
    await service.export.own()
    for task in (service.watch(), service.deliver(), service.follow_uplinks(), service.follow_link()):
        unit.group.create_task(task)
    unit.ready()


if __name__ == "__main__":
    run(body)
