"""The console's one MQTT 5 connection: what it hears goes into the view, what a person answers goes out.

Reconnects for ever with backoff and jitter; nothing that arrives can end it.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from ulid import ULID

from hub.console import view as seen
from hub.console.messages import FILTER, ROOT, Refused, ResultSaid, read
from hub.console.times import rfc3339
from hub.console.view import AlertRow, View

FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
CONNECT_S, KEEPALIVE_S = 5.0, 5
ANSWER_KEPT_S = 7 * 24 * 3600
CONFIRM_S, ORDER_S = 3.0, 5.0
LOGGED, LOGGED_EVERY = 20, 1_000  # of the ignored messages of one reason: a flood must not fill the log
log = logging.getLogger("console")


class NoBroker(Exception):
    """The broker did not confirm; nothing is known to have been published. Try again."""


class NoAnswer(Exception):
    """The unit did not say what came of an order, or refused it; the words say which."""


class ShiftOrder(msgspec.Struct, frozen=True):
    """hdu/v1/UNIT/command/shift: `who` signs on for so many minutes, or the shift ends (0)."""

    id: str
    who: str
    minutes: int


class Answer(msgspec.Struct, frozen=True):
    """hdu/v1/UNIT/ack/ID."""

    id: str
    by: str
    at: str


def context(tls: Path) -> ssl.SSLContext:
    """Mutual TLS with `tls`/ca.pem, console.pem and console.key; OSError names the file that is missing."""
    for name in ("ca.pem", "console.pem", "console.key"):
        (tls / name).read_bytes()
    made = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(tls / "console.pem", tls / "console.key")
    return made


def backoff_s(attempt: int) -> float:
    """How long to wait before try `attempt` (from 0): doubling to LAST_RETRY_S, less up to half at random."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempt, 16)) * random.uniform(0.5, 1.0)


class Link:
    """The view and the connection that keeps it true; `changed` is called after every change."""

    def __init__(self, host: str, port: int, tls: Path, changed: Callable[[], None]) -> None:
        self.view = View(broker_since_s=time.time())
        self._host, self._port, self._tls, self._changed = host, port, context(tls), changed
        self._client: aiomqtt.Client | None = None
        self._answering = asyncio.Lock()
        self._orders: dict[tuple[str, str], asyncio.Future[ResultSaid]] = {}
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Never returns: connects, listens, and connects again."""
        attempt = 0
        while True:
            try:
                await self._listen()
            except (aiomqtt.MqttError, OSError) as error:
                attempt = 0 if self.view.broker == "connected" else attempt + 1
                log.warning("broker %s:%s away: %s", self._host, self._port, error)
            self._client = None
            self._set(seen.lost(self.view, time.time()) if self.view.broker == "connected" else self.view)
            await asyncio.sleep(backoff_s(attempt))

    async def acknowledge(self, id: str, by: str) -> AlertRow:
        """Publishes the answer of `by` and returns the alert as answered (by whoever was first); KeyError: no such
        alert; NoBroker: not confirmed within CONFIRM_S."""
        async with self._answering:
            row = self.view.alerts[id]
            if row.acknowledged_by is None:
                await self._publish(Answer(id, by, rfc3339(time.time())), row.unit)
            try:
                return await asyncio.wait_for(self._until_answered(id), CONFIRM_S)
            except TimeoutError as error:
                raise NoBroker(f"the broker did not pass the answer to {id} on; try again") from error

    async def sign(self, unit: str, who: str, minutes: int) -> str:
        """The unit's own word that `who` is on shift (its end), or that nobody is (0 minutes); KeyError: no such unit;
        NoBroker; NoAnswer where the unit did not take it within ORDER_S."""
        if unit not in self.view.units:
            raise KeyError(unit)
        order = ShiftOrder(str(ULID()), who, minutes)
        result: asyncio.Future[ResultSaid] = asyncio.get_running_loop().create_future()
        self._orders[unit, order.id] = result
        try:
            await self._send(f"{unit}/command/shift", order, kept_s=None)
            said = await asyncio.wait_for(result, ORDER_S)
        except TimeoutError as error:
            raise NoAnswer(f"{unit} did not answer; is it on line?") from error
        finally:
            del self._orders[unit, order.id]
        if not said.done:
            raise NoAnswer(f"{unit} refused: {said.words}")
        return said.words

    async def _publish(self, answer: Answer, unit: str) -> None:
        await self._send(f"{unit}/ack/{answer.id}", answer, kept_s=ANSWER_KEPT_S)

    async def _send(self, topic: str, content: msgspec.Struct, kept_s: int | None) -> None:
        """Retained for `kept_s`, after which the broker drops it; None: not retained, for who is there now."""
        if self._client is None:
            raise NoBroker(f"no connection to the broker {self._host}:{self._port}; try again")
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = kept_s or round(ORDER_S)
        payload, retain = msgspec.json.encode(content), kept_s is not None
        try:
            await self._client.publish(
                ROOT + topic, payload, qos=1, retain=retain, properties=properties, timeout=CONFIRM_S
            )
        except aiomqtt.MqttError as error:
            raise NoBroker(f"the broker did not take {topic} ({error}); try again") from error

    async def _until_answered(self, id: str) -> AlertRow:
        """The broker's own echo is the proof: it confirms (PUBACK) also what its access list then throws away."""
        async with self._news:
            await self._news.wait_for(lambda: seen.answered(self.view, id))
        return self.view.alerts[id]

    async def _listen(self) -> None:
        client = aiomqtt.Client(
            self._host,
            self._port,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=self._tls,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_S,
        )
        async with client:
            await client.subscribe(FILTER, qos=1)
            self._client = client
            self._set(seen.connected(self.view, time.time()))
            log.info("connected to the broker %s:%s", self._host, self._port)
            async for message in client.messages:
                self._take(message)
                async with self._news:
                    self._news.notify_all()

    def _take(self, message: aiomqtt.Message) -> None:
        try:
            payload = message.payload if isinstance(message.payload, bytes) else str(message.payload or "").encode()
            said = read(str(message.topic), payload)
            if isinstance(said, ResultSaid) and (order := self._orders.get((said.unit, said.id))) and not order.done():
                order.set_result(said)
            self._set(seen.take(self.view, said, time.time(), retained=bool(message.retain)))
        except Refused as refused:
            self._set(seen.refuse(self.view, refused.reason))
            count = self.view.ignored[refused.reason]
            if count <= LOGGED or count % LOGGED_EVERY == 0:
                log.warning("ignored message %d: %s", count, refused)

    def _set(self, view: View) -> None:
        if view is not self.view:
            self.view = view
            self._changed()
