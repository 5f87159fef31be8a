"""The hub link: one MQTT 5 connection with mutual TLS; status out, alerts out, answers in.

On the bus: `org.homedispatch.HubLink` with `Publish(topic, payload)`, which returns when the hub has it and fails
otherwise: an alert is retained, and proven by the broker's echo; an event passes once. Answers of supervisors go
to `Alerts.Acknowledge`, again until it takes them; alerts that the broker held from before go to `Alerts.Held`
(`firmware.answers`). What the agency orders goes to its service, and what came of it back (`firmware.orders`).
"""

import asyncio
import contextlib
import logging
import time

import msgspec

from firmware import answers, bus, facts, orders
from firmware.drivers import mqtt
from firmware.outgoing import EVENT, Outgoing
from firmware.service import Unit, run

PROOF_TIMEOUT_S = 1.0
log = logging.getLogger("hublink")


class HubLink:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.address = unit, unit.config.site.hub
        self.name = unit.config.unit.name
        self.context = mqtt.tls(unit.config.unit.certificates)
        self.link: mqtt.Link | None = None
        self.hurry, self.lost = asyncio.Event(), asyncio.Event()
        self.outgoing = Outgoing(unit.config.site.status, self.address.connect_timeout_s)
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
                group.create_task(self.outgoing.send_status(link))
                group.create_task(self.outgoing.send_events(link))
        except* mqtt.HubError as group_error:
            raise group_error.exceptions[0] from group_error

    async def end_when_lost(self) -> None:
        await self.lost.wait()
        raise mqtt.HubError("hub: the connection no longer proves itself")

    async def listen(self, link: mqtt.Link) -> None:
        async for topic, payload, retained in link.messages("alert/+", "ack/+", "command/+"):
            branch, _, id = topic.partition("/")
            if branch == "ack" and payload:
                self.unit.group.create_task(answers.answered(self.unit.bus, id, payload))
            elif branch == "alert" and payload and retained:
                self.unit.group.create_task(answers.held(self.unit.bus, id))
            elif branch == "command" and payload and not retained:  # an order of yesterday is none
                self.unit.group.create_task(self.obey(link, id, payload))

    async def obey(self, link: mqtt.Link, name: str, payload: bytes) -> None:
        result = msgspec.json.encode(await orders.obeyed(self.unit.bus, name, payload))
        try:
            await link.publish(f"result/{name}", result, retain=False, timeout_s=self.address.connect_timeout_s)
        except mqtt.HubError as error:
            log.warning("%s", error)

    async def follow_status(self) -> None:
        async for fact in bus.follow(self.unit.bus, "Status", facts.Document):
            self.outgoing.stands(fact.document if fact else "")

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
                self.outgoing.happened(decision)

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
