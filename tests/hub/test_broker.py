"""The real mosquitto with our configuration: who may do what, and what survives a kill."""

import asyncio
import ssl
from pathlib import Path

import aiomqtt
import pytest

from hub import authority
from hub.broker import SAVED_AFTER_CHANGES
from tests.hub.conftest import UNITS, Broker, tls, until

ALICE, BOB = UNITS
ID = "01JD9ZQ8M0T6V4RRFFQ69G5FAV"


async def heard(watcher: aiomqtt.Client, marker: str) -> list[str]:
    """The topics that reached `watcher` before the topic `marker`."""
    topics: list[str] = []
    async with asyncio.timeout(10):
        async for message in watcher.messages:
            if str(message.topic) == marker:
                return topics
            topics.append(str(message.topic))
    raise AssertionError("unreachable")


@pytest.mark.parametrize(
    "topic",
    [
        f"hdu/v1/{BOB}/status",
        f"hdu/v1/{BOB}/online",
        f"hdu/v1/{BOB}/event",
        f"hdu/v1/{BOB}/alert/{ID}",
        f"hdu/v1/{BOB}/result/reboot",
        f"hdu/v1/{BOB}/ack/{ID}",
        f"hdu/v1/{BOB}/command/reboot",
        f"hdu/v1/{ALICE}/ack/{ID}",
        f"hdu/v1/{ALICE}/command/reboot",
        f"hdu/v1/{ALICE}/alert/{ID}/more",
        f"hdu/v1/{ALICE}/anything",
        "hdu/v1/console/status",
        "hdu/v2/anything",
        "anything",
    ],
)
async def test_a_unit_cannot_write_outside_its_own_words(real_broker: Broker, topic: str) -> None:
    marker = f"hdu/v1/{ALICE}/alert/{ID}"
    async with real_broker.console() as watcher, real_broker.unit(ALICE) as unit:
        await watcher.subscribe("hdu/v1/#", qos=1)
        await unit.publish(topic, b"must not be kept", qos=1, retain=True)
        await unit.publish(marker, b"{}", qos=1, retain=True)
        assert await heard(watcher, marker) == []
        await until_stored(real_broker, unit, marker, b"{}")
    assert not real_broker.stored(b"must not be kept")


@pytest.mark.parametrize("leaf", ["status", "online", f"alert/{ID}", "result/reboot"])
async def test_a_unit_writes_its_own_words(real_broker: Broker, leaf: str) -> None:
    marker = f"hdu/v1/{ALICE}/event"
    async with real_broker.console() as watcher, real_broker.unit(ALICE) as unit:
        await watcher.subscribe("hdu/v1/#", qos=1)
        await unit.publish(f"hdu/v1/{ALICE}/{leaf}", b"{}", qos=1, retain=True)
        await unit.publish(marker, b"{}", qos=1)
        assert await heard(watcher, marker) == [f"hdu/v1/{ALICE}/{leaf}"]


async def test_a_unit_hears_its_own_answers_and_commands_and_nothing_else(real_broker: Broker) -> None:
    """The unit's own status is not even echoed to it."""
    marker = f"hdu/v1/{ALICE}/command/last"
    async with real_broker.console() as console, real_broker.unit(ALICE) as unit, real_broker.unit(BOB) as other:
        await unit.subscribe("#", qos=1)
        await unit.subscribe("hdu/v1/#", qos=1)
        await other.publish(f"hdu/v1/{BOB}/status", b"{}", qos=1)
        await unit.publish(f"hdu/v1/{ALICE}/status", b"{}", qos=1)
        for name in (BOB, ALICE):
            await console.publish(f"hdu/v1/{name}/ack/{ID}", b"{}", qos=1)
            await console.publish(f"hdu/v1/{name}/command/last", b"{}", qos=1)
        assert set(await heard(unit, marker)) == {f"hdu/v1/{ALICE}/ack/{ID}"}


async def test_a_unit_reads_its_alert_back(real_broker: Broker) -> None:
    """Its proof that the broker holds it, which a PUBACK is not."""
    topic = f"hdu/v1/{ALICE}/alert/{ID}"
    async with real_broker.unit(ALICE) as unit, real_broker.unit(BOB) as other, asyncio.timeout(10):
        await other.subscribe("hdu/v1/#", qos=1)
        await unit.subscribe(f"hdu/v1/{ALICE}/alert/+", qos=1)
        await unit.publish(topic, b"{}", qos=1, retain=True)
        assert str((await anext(aiter(unit.messages))).topic) == topic
        assert len(other.messages) == 0


async def test_the_console_cannot_speak_for_a_unit(real_broker: Broker) -> None:
    marker = f"hdu/v1/{ALICE}/command/last"
    async with real_broker.console() as console:
        await console.subscribe("hdu/v1/#", qos=1)
        for leaf in ("status", "online", "event", f"alert/{ID}"):
            await console.publish(f"hdu/v1/{ALICE}/{leaf}", b"{}", qos=1)
        await console.publish(marker, b"{}", qos=1)
        assert await heard(console, marker) == []


async def refused(broker: Broker, context: ssl.SSLContext) -> bool:
    """Whether the broker does not serve a client with `context`; it closes within a second when it does not."""
    try:
        client = aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5, tls_context=context, timeout=1.0
        )
        async with client:
            return False
    except aiomqtt.MqttError:
        return True


async def test_without_a_certificate_nobody_comes_in(real_broker: Broker) -> None:
    assert await refused(real_broker, ssl.create_default_context(cafile=str(real_broker.site / "ca.pem")))


async def test_a_certificate_of_another_authority_does_not_come_in(real_broker: Broker, tmp_path: Path) -> None:
    stranger = authority.Authority(tmp_path / "stranger").unit(ALICE)
    assert await refused(real_broker, tls(stranger, "unit", authority_from=real_broker.site))


async def test_the_brokers_own_certificate_is_no_clients(real_broker: Broker) -> None:
    assert await refused(real_broker, tls(real_broker.site / "broker", "broker"))


async def test_a_broker_of_another_authority_is_not_believed(real_broker: Broker, tmp_path: Path) -> None:
    authority.Authority(tmp_path / "stranger")
    unit = real_broker.site / "units" / ALICE
    assert await refused(real_broker, tls(unit, "unit", authority_from=tmp_path / "stranger"))


async def test_an_older_tls_is_refused(real_broker: Broker) -> None:
    context = tls(real_broker.site / "units" / ALICE, "unit")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await refused(real_broker, context)


async def until_stored(broker: Broker, unit: aiomqtt.Client, topic: str, payload: bytes) -> None:
    """Retains `payload` as often as it takes until the store is written."""
    for _ in range(SAVED_AFTER_CHANGES):
        await unit.publish(topic, payload, qos=1, retain=True)
    await until(lambda: broker.stored(topic.encode()), "the store is on disk")


async def test_what_is_stored_survives_a_kill(real_broker: Broker) -> None:
    topics = [f"hdu/v1/{ALICE}/alert/{ID}", f"hdu/v1/{ALICE}/status", f"hdu/v1/{ALICE}/online"]
    async with real_broker.unit(ALICE) as unit:
        for topic in topics:
            await unit.publish(topic, topic.encode(), qos=1, retain=True)
        await until_stored(real_broker, unit, topics[-1], topics[-1].encode())
        real_broker.kill()
    real_broker.start()
    async with real_broker.console() as watcher, asyncio.timeout(10):
        await watcher.subscribe("hdu/v1/#", qos=1)
        found = [await anext(aiter(watcher.messages)) for _ in topics]
        assert {str(each.topic): each.payload for each in found} == {topic: topic.encode() for topic in topics}
        assert all(each.retain for each in found)


async def test_a_withdrawn_alert_stays_withdrawn_once_that_is_stored(real_broker: Broker) -> None:
    topic, marker = f"hdu/v1/{ALICE}/alert/{ID}", f"hdu/v1/{ALICE}/status"
    async with real_broker.unit(ALICE) as unit:
        await unit.publish(topic, b"{}", qos=1, retain=True)
        await unit.publish(topic, b"", qos=1, retain=True)
        await until_stored(real_broker, unit, marker, b"{}")
        real_broker.kill()
    real_broker.start()
    async with real_broker.console() as watcher:
        await watcher.subscribe("hdu/v1/#", qos=1)
        assert await heard(watcher, marker) == []


async def test_the_last_will_is_spoken_in_the_units_own_branch(real_broker: Broker) -> None:
    will = aiomqtt.Will(f"hdu/v1/{ALICE}/online", b"false", qos=1, retain=True)
    async with real_broker.console() as watcher:
        await watcher.subscribe("hdu/v1/#", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with real_broker.unit(ALICE, will=will) as unit:
                sock = unit._client.socket()
                assert isinstance(sock, ssl.SSLSocket)
                sock.shutdown(2)
                async for _ in unit.messages:
                    raise AssertionError("nothing was said to the unit")
        async with asyncio.timeout(10):
            message = await anext(aiter(watcher.messages))
        assert (str(message.topic), message.payload) == (f"hdu/v1/{ALICE}/online", b"false")


async def test_a_message_too_long_is_not_passed_on(real_broker: Broker) -> None:
    async with real_broker.console() as watcher:
        await watcher.subscribe("hdu/v1/#", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with real_broker.unit(ALICE) as unit:
                await unit.publish(f"hdu/v1/{ALICE}/event", b"x" * 80_000, qos=1, timeout=5)
        async with real_broker.unit(ALICE) as unit:
            await unit.publish(f"hdu/v1/{ALICE}/status", b"{}", qos=1)
        assert await heard(watcher, f"hdu/v1/{ALICE}/status") == []
