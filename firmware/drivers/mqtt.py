"""The connection to the hub's broker: MQTT 5 over mutual TLS, by `aiomqtt`, behind a port of our own."""

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from firmware.config import Certificates, HubAddress

ROOT = "hdu/v1"
DISCONNECT_S = 1.0
log = logging.getLogger("mqtt")


class HubError(Exception):
    """The broker cannot be reached, refuses us or did not answer in time; the message says which."""


class Credentials(HubError):
    """A certificate or key file cannot be used; provision the unit again."""


def tls(files: Certificates) -> ssl.SSLContext:
    """TLS 1.2 or newer, the hub checked against the agency's authority, ourselves shown by certificate."""
    try:
        context = ssl.create_default_context(cafile=files.authority)
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise Credentials(f"hub: {files.certificate} or its key or authority cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def backoff_s(attempt: int, address: HubAddress, draw: float) -> float:
    """The wait before connection attempt `attempt` (0, 1, ...): doubled each time, capped, with half of it jitter.

    `draw` is uniform in [0, 1): 10,000 units that lost the hub together must not come back together.
    """
    full: float = min(address.reconnect_first_s * 2 ** min(attempt, 16), address.reconnect_max_s)
    return full * (0.5 + 0.5 * draw)


def jitter() -> float:
    return random.random()


class Link:
    """One open connection. Every failure is a HubError, after which the connection is of no use."""

    def __init__(self, client: aiomqtt.Client, unit: str) -> None:
        self.client, self.unit = client, unit
        self._echoes: dict[str, tuple[bytes, asyncio.Future[None]]] = {}

    async def publish(self, topic: str, payload: bytes, *, retain: bool, timeout_s: float) -> None:
        """QoS 1 under this unit's branch; returns when the broker has it."""
        try:
            await self.client.publish(f"{ROOT}/{self.unit}/{topic}", payload, qos=1, retain=retain, timeout=timeout_s)
        except aiomqtt.MqttError as error:
            raise HubError(f"hub: {topic} was not taken: {error}") from error

    async def publish_proven(self, topic: str, payload: bytes, *, timeout_s: float) -> None:
        """Retained, and returns only when the broker has sent it back to us: a PUBACK alone may carry a refusal.

        The topic must be among those of `messages`, and `messages` must be running.
        """
        echo: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._echoes[topic] = payload, echo
        try:
            await self.publish(topic, payload, retain=True, timeout_s=timeout_s)
            async with asyncio.timeout(timeout_s):
                await echo
        except TimeoutError as error:
            raise HubError(f"hub: {topic} did not come back within {timeout_s} s; is it allowed?") from error
        finally:
            self._echoes.pop(topic, None)

    def _heard(self, topic: str, payload: bytes) -> None:
        expected, echo = self._echoes.get(topic, (b"", None))
        if echo is not None and payload == expected and not echo.done():
            echo.set_result(None)

    async def messages(self, *topics: str) -> AsyncIterator[tuple[str, bytes, bool]]:
        """Subscribes to topics under this unit's branch; yields (topic within the branch, payload, whether the broker
        had retained it from before) until it fails."""
        try:
            for topic in topics:
                await self.client.subscribe(f"{ROOT}/{self.unit}/{topic}", qos=1)
            async for message in self.client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                topic = str(message.topic).removeprefix(f"{ROOT}/{self.unit}/")
                self._heard(topic, payload)
                yield topic, payload, bool(message.retain)
        except aiomqtt.MqttError as error:
            raise HubError(f"hub: connection lost: {error}") from error


@asynccontextmanager
async def connect(unit: str, address: HubAddress, context: ssl.SSLContext) -> AsyncIterator[Link]:
    """An open connection with `online` = false as last will; HubError where it cannot be made."""
    client = aiomqtt.Client(
        address.host,
        address.mqtt_port,
        identifier=unit,
        protocol=aiomqtt.ProtocolVersion.V5,
        will=aiomqtt.Will(f"{ROOT}/{unit}/online", b"false", qos=1, retain=True),
        keepalive=address.keepalive_s,
        timeout=address.connect_timeout_s,
        clean_start=True,
        tls_context=context,
    )
    try:
        async with asyncio.timeout(address.connect_timeout_s + 1):
            await client.__aenter__()
    except (aiomqtt.MqttError, TimeoutError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise HubError(f"hub: cannot connect to {address.host}:{address.mqtt_port}: {why}") from error
    try:
        yield Link(client, unit)
    finally:
        try:
            async with asyncio.timeout(DISCONNECT_S):
                await client.__aexit__(None, None, None)
        except (aiomqtt.MqttError, TimeoutError, OSError) as error:
            log.info("closed without a farewell: %s", error)
