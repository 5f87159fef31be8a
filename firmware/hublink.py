"""The hub link: one MQTT 5 connection with mutual TLS; status out, alerts out, answers in.

On the bus: `org.homedispatch.HubLink` with `Publish(topic, payload)`, which returns when the hub has it and fails
otherwise: an alert is retained, and proven by the broker's echo; an event passes once. Answers of supervisors go
to `Alerts.Acknowledge`, again until it takes them; alerts that the broker held from before go to `Alerts.Held`.
What the agency orders goes to its service, and what came of it back (`firmware.orders`).
"""

import asyncio
import contextlib
import logging
import time
from collections import deque

import msgspec

from firmware import bus, facts, orders, tidings
from firmware.drivers import mqtt
from firmware.service import Unit, run

PROOF_TIMEOUT_S = 1.0
RETRY_S = 1.0
EVENTS_KEPT = 1000
EVENT = "event"
log = logging.getLogger("hublink")


def answer_in(id: str, payload: bytes) -> facts.Acknowledgement | str:
    """The answer to the alert `id` in a message of the hub, or why it is none. Pure."""
    try:
        answer = msgspec.json.decode(payload, type=facts.Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
    if answer.id != id:
        return f"it names the alert {answer.id!r}"
    if not (answer.by.strip() and (answer.by + answer.at).isprintable()):
        return f"{answer.by!r} at {answer.at!r} names nobody"
    return answer


def status_in(document: str) -> facts.Status | None:
    """The status in what the status service says; None where there is none, or it is refused."""
    try:
        return msgspec.json.decode(document, type=facts.Status) if document else None
    except msgspec.DecodeError as error:
        log.error("status refused: %s", error)
        return None


class HubLink:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.address = unit, unit.config.site.hub
        self.name = unit.config.unit.name
        self.context = mqtt.tls(unit.config.unit.certificates)
        self.link: mqtt.Link | None = None
        self.hurry, self.lost, self.news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.eventful = asyncio.Event()
        self.document, self.sent_at = "", 0.0
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        publish = bus.Method("Publish", "ss", ("topic", "payload"), "", self.publish)
        round_trip = bus.Method("RoundTrip", "", (), "d", self.round_trip)
        self.export = bus.Export(unit.bus, "HubLink", facts.Hub(connected=False), [publish, round_trip])

    async def publish(self, topic: str, payload: str) -> None:
        """At the hub when this returns; HubError where it is not, for the caller to try again."""
        if self.link is None:
            raise mqtt.HubError("hub: not connected; try again when Connected is true")
        timeout_s = self.address.connect_timeout_s
        try:
            if topic == EVENT:
                await self.link.publish(topic, payload.encode(), retain=False, timeout_s=timeout_s)
            else:
                await self.link.publish_proven(topic, payload.encode(), timeout_s=timeout_s)
        except mqtt.HubError:
            self.lost.set()
            raise

    async def round_trip(self) -> float:
        """Milliseconds until the hub has acknowledged a message, asked for now; HubError where it does not."""
        if self.link is None:
            raise mqtt.HubError("hub: not connected; try again when Connected is true")
        began = time.monotonic()
        await self.link.publish("online", b"true", retain=True, timeout_s=self.address.connect_timeout_s)
        return (time.monotonic() - began) * 1000

    async def stay_connected(self) -> None:
        """Connects, and again for ever: with growing, jittered waits, at once when an uplink changes."""
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                async with mqtt.connect(self.name, self.address, self.context) as link:
                    await self.use(link)
            except mqtt.HubError as error:
                log.warning("%s", error)
            finally:
                self.link = None
                self.export.set(facts.Hub(connected=False))
            attempt = 0 if time.monotonic() - began > self.address.reconnect_max_s else attempt + 1
            await self.pause(mqtt.backoff_s(attempt, self.address, mqtt.jitter()))

    async def pause(self, wait_s: float) -> None:
        self.hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.hurry.wait()

    async def use(self, link: mqtt.Link) -> None:
        """One connection, until any part of it fails."""
        self.lost.clear()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.listen(link))
                group.create_task(self.end_when_lost())
                await link.publish("online", b"true", retain=True, timeout_s=self.address.connect_timeout_s)
                self.link = link
                self.export.set(facts.Hub(connected=True))
                log.info("connected", extra={"host": self.address.host})
                group.create_task(self.send_status(link))
                group.create_task(self.send_events(link))
        except* mqtt.HubError as group_error:
            raise group_error.exceptions[0] from group_error

    async def end_when_lost(self) -> None:
        await self.lost.wait()
        raise mqtt.HubError("hub: the connection no longer proves itself")

    async def listen(self, link: mqtt.Link) -> None:
        async for topic, payload, retained in link.messages("alert/+", "ack/+", "command/+"):
            branch, _, id = topic.partition("/")
            if branch == "ack" and payload:
                self.unit.group.create_task(self.answer(id, payload))
            elif branch == "alert" and payload and retained:
                self.unit.group.create_task(self.held(id))
            elif branch == "command" and payload and not retained:  # an order of yesterday is none
                self.unit.group.create_task(self.obey(link, id, payload))

    async def held(self, id: str) -> None:
        """A broker that went back to an older state may hold an alert that was answered: the alerts service knows."""
        try:
            await bus.call(self.unit.bus, "Alerts", "Held", "s", id)
        except bus.BusError as error:
            log.warning("%s", error, extra={"alert": id})

    async def obey(self, link: mqtt.Link, name: str, payload: bytes) -> None:
        result = msgspec.json.encode(await orders.obeyed(self.unit.bus, name, payload))
        try:
            await link.publish(f"result/{name}", result, retain=False, timeout_s=self.address.connect_timeout_s)
        except mqtt.HubError as error:
            log.warning("%s", error)

    async def answer(self, id: str, payload: bytes) -> None:
        """A person's answer goes to the alerts service until that has taken it; one that is not whole is refused."""
        answer = answer_in(id, payload)
        if isinstance(answer, str):
            return log.error("answer refused: %s", answer, extra={"alert": id})
        while True:
            try:
                return log.info("answered", extra={"alert": id, "known": await self.hand_over(answer)})
            except bus.BusError as error:
                log.warning("%s", error)
                await asyncio.sleep(RETRY_S)

    async def hand_over(self, answer: facts.Acknowledgement) -> bool:
        return bool(await bus.call(self.unit.bus, "Alerts", "Acknowledge", "sss", answer.id, answer.by, answer.at))

    async def send_status(self, link: mqtt.Link) -> None:
        """The status document, retained: what matters at once, the rest as the uplink allows, all at each interval."""
        sent: facts.Status | None = None
        while True:
            self.news.clear()
            now = status_in(self.document)
            due_s = self.status_due_s(sent, now) - time.monotonic()
            if now and due_s <= 0:
                payload, sent = self.document.encode(), now
                await link.publish("status", payload, retain=True, timeout_s=self.address.connect_timeout_s)
                self.sent_at = time.monotonic()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due_s if now else None):
                    await self.news.wait()

    def status_due_s(self, sent: facts.Status | None, now: facts.Status | None) -> float:
        """When the document `now` goes out, after `sent` went out at `self.sent_at` (monotonic)."""
        policy = self.unit.config.site.status
        same = now is None or now == sent
        return self.sent_at + (policy.interval_s if same else tidings.wait_s(sent, now, policy))

    async def send_events(self, link: mqtt.Link) -> None:
        """What happened, oldest first, each until the broker has it; for ever."""
        while True:
            await self.eventful.wait()
            while self.events:
                event = self.events[0].encode()
                await link.publish(EVENT, event, retain=False, timeout_s=self.address.connect_timeout_s)
                self.events.popleft()
            self.eventful.clear()

    def happened(self, event: str) -> None:
        """One event as JSON, kept until the hub has it."""
        self.events.append(event)
        self.eventful.set()

    async def follow_status(self) -> None:
        async for fact in bus.follow(self.unit.bus, "Status", facts.Document):
            self.document = fact.document if fact else ""
            self.news.set()

    async def follow_uplinks(self) -> None:
        """When the active uplink changes the connection must prove itself at once, or a new one is made at once."""
        active, decision = None, None
        async for fact in bus.follow(self.unit.bus, "Uplinks", facts.Uplinks):
            now = next((each.name for each in fact.uplinks if each.active), None) if fact else None
            if now != active and now is not None:
                self.hurry.set()
                self.unit.group.create_task(self.prove())
            active = now
            if fact and fact.last_decision not in ("", decision):
                decision = fact.last_decision
                self.happened(decision)

    async def prove(self) -> None:
        if self.link is None:
            return
        try:
            await self.link.publish("online", b"true", retain=True, timeout_s=PROOF_TIMEOUT_S)
        except mqtt.HubError:
            self.lost.set()


async def body(unit: Unit) -> None:
    link = HubLink(unit)
    await link.export.own()
    for task in (link.stay_connected(), link.follow_status(), link.follow_uplinks()):
        unit.group.create_task(task)
    unit.ready()


if __name__ == "__main__":
    run(body)
