"""Broker, console and a unit over TLS, end to end: what a unit says is seen, what a person answers reaches it."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import msgspec
import pytest
from ulid import ULID

from firmware import facts
from hub.console.feed import GAP_S
from hub.console.times import rfc3339
from tests.hub.conftest import UNITS, Broker, Console, running_console

UNIT = UNITS[0]


def alert(unit: str = UNIT, kind: facts.AlertKind = "panic", attempt: int = 1) -> facts.Alert:
    return facts.Alert(
        id=str(ULID()), unit=unit, kind=kind, raised_at=rfc3339(time.time()), attempt=attempt, via="wired"
    )


async def say(client: aiomqtt.Client, leaf: str, said: object, unit: str = UNIT) -> None:
    payload = said if isinstance(said, bytes) else msgspec.json.encode(said)
    await client.publish(f"hdu/v1/{unit}/{leaf}", payload, qos=1, retain=True)


def row(hub: Any, id: str) -> Any:
    """The one row of an alert; None where there is none."""
    found = [each for each in hub["alerts"] if each["id"] == id]
    assert len(found) <= 1
    return found[0] if found else None


def body(id: str, by: str = "Ana Ruiz") -> str:
    return json.dumps({"alert": id, "by": by})


async def test_a_whole_story(real_broker: Broker, console: Console) -> None:
    """Raised, seen, said again, answered, heard by the unit, taken back, still to be read."""
    raised = alert()
    async with real_broker.unit() as unit:
        await unit.subscribe(f"hdu/v1/{UNIT}/ack/+", qos=1)
        await say(unit, f"alert/{raised.id}", raised)
        hub = await console.until(lambda hub: row(hub, raised.id), "the alert is seen")
        first = row(hub, raised.id)
        assert first | {"received_at": ""} == {
            "id": raised.id,
            "unit": UNIT,
            "kind": "panic",
            "raised_at": raised.raised_at,
            "received_at": "",
            "via": "wired",
            "attempt": 1,
            "acknowledged_by": None,
            "acknowledged_at": None,
        }
        await say(unit, f"alert/{raised.id}", msgspec.structs.replace(raised, attempt=2, via="lte"))
        hub = await console.until(lambda hub: row(hub, raised.id)["attempt"] == 2, "it is seen again")
        assert row(hub, raised.id)["received_at"] == first["received_at"]

        status, text = await console.acknowledge(body(raised.id))
        assert status == 200
        assert json.loads(text) == row(await console.hub(), raised.id)
        async with asyncio.timeout(5):
            answer = await anext(aiter(unit.messages))
        assert isinstance(answer.payload, bytes)
        told = msgspec.json.decode(answer.payload, type=facts.Acknowledgement)
        assert (told.id, told.by, told.at) == (raised.id, "Ana Ruiz", json.loads(text)["acknowledged_at"])

        await say(unit, f"alert/{raised.id}", b"")
        await say(unit, "online", True)
        hub = await console.until(lambda hub: hub["units"][0]["online"], "the unit is on line")
        assert row(hub, raised.id)["acknowledged_by"] == "Ana Ruiz"


async def test_a_second_supervisor_is_told_who_was_first(real_broker: Broker, console: Console) -> None:
    raised = alert()
    async with real_broker.unit() as unit:
        await say(unit, f"alert/{raised.id}", raised)
    await console.until(lambda hub: row(hub, raised.id), "the alert is seen")
    both = await asyncio.gather(*(console.acknowledge(body(raised.id, name)) for name in ("Ana", "Bo", "Cy")))
    assert {status for status, _ in both} == {200}
    assert len({json.loads(text)["acknowledged_by"] for _, text in both}) == 1


async def test_the_answer_waits_for_a_unit_that_is_away_but_not_for_ever(real_broker: Broker, console: Console) -> None:
    raised = alert()
    async with real_broker.unit() as unit:
        await say(unit, f"alert/{raised.id}", raised)
    await console.until(lambda hub: row(hub, raised.id), "the alert is seen")
    await console.acknowledge(body(raised.id))
    async with real_broker.unit() as unit, asyncio.timeout(5):
        await unit.subscribe(f"hdu/v1/{UNIT}/ack/+", qos=1)
        answer = await anext(aiter(unit.messages))
    assert answer.retain and answer.qos == 1
    assert 0 < vars(answer.properties)["MessageExpiryInterval"] <= 7 * 24 * 3600


async def test_an_answer_the_broker_throws_away_is_not_shown_as_given(real_broker: Broker, console: Console) -> None:
    """mosquitto confirms receipt also of what its access list refuses."""
    raised = alert()
    async with real_broker.unit() as unit:
        await say(unit, f"alert/{raised.id}", raised)
    await console.until(lambda hub: row(hub, raised.id), "the alert is seen")
    real_broker.kill()
    await console.until(lambda hub: hub["broker"]["state"] == "lost", "the loss is shown")
    real_broker.start(access="user console\ntopic read hdu/v1/#\n")
    await console.until(lambda hub: hub["broker"]["state"] == "connected", "the console is back")
    status, text = await console.acknowledge(body(raised.id))
    assert (status, text.count("\n")) == (503, 1)
    assert row(await console.hub(), raised.id)["acknowledged_by"] is None


@pytest.mark.parametrize(
    "text, status",
    [
        ("", 400),
        ("no json", 400),
        (b"\xff\xfe", 400),
        ("[]", 400),
        ('{"alert": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}', 400),
        ('{"alert": 7, "by": "Ana"}', 400),
        (body("01ARZ3NDEKTSV4RRFFQ69G5FAV", "  "), 400),
        (body("01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 81), 400),
        (body("01ARZ3NDEKTSV4RRFFQ69G5FAV", "Ana\u0007"), 400),
        (body("x" * 10_000), 400),
        (body("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404),
        (body("../../ack"), 404),
    ],
)
async def test_bad_input_is_refused_in_one_line(console: Console, text: bytes | str, status: int) -> None:
    got, said = await console.acknowledge(text)
    assert (got, said.count("\n"), said[-1]) == (status, 1, "\n")
    assert said.startswith("acknowledge: ")


async def test_a_page_of_another_site_cannot_answer(console: Console) -> None:
    status, _ = await console.acknowledge(body("01ARZ3NDEKTSV4RRFFQ69G5FAV"), **{"Sec-Fetch-Site": "cross-site"})
    assert status == 403


async def test_garbage_is_counted_and_nothing_else(real_broker: Broker, console: Console) -> None:
    raised = alert()
    async with real_broker.unit() as unit:
        for leaf, said in [
            ("status", b"{"),
            ("status", b"\xff" * 1000),
            ("online", b"maybe"),
            (f"alert/{raised.id}", b'{"id": 7}'),
            (f"alert/{raised.id}", msgspec.json.encode(alert(unit=UNITS[1]))),
            ("alert/short", msgspec.json.encode(raised)),
        ]:
            await say(unit, leaf, said)
        await say(unit, f"alert/{raised.id}", raised)
    hub = await console.until(lambda hub: row(hub, raised.id), "the alert after the garbage is seen")
    assert hub["ignored"] == {
        "not valid JSON of its kind": 4,
        "does not agree with its topic": 1,
        "foreign topic": 1,
    }
    assert len(hub["alerts"]) == 1


async def test_nothing_is_lost_when_the_broker_is_killed(real_broker: Broker, console: Console) -> None:
    raised = alert()
    async with real_broker.unit() as unit:
        await say(unit, f"alert/{raised.id}", raised)
        await say(unit, "online", True)
        await console.until(lambda hub: hub["units"] and hub["units"][0]["online"], "the unit is on line")
        real_broker.kill()
    hub = await console.until(lambda hub: hub["broker"]["state"] == "lost", "the loss is shown")
    assert (hub["units"][0]["online"], row(hub, raised.id)["acknowledged_by"]) == (None, None)
    status, text = await console.acknowledge(body(raised.id))
    assert (status, "broker" in text, text.count("\n")) == (503, True, 1)
    assert row(await console.hub(), raised.id)["acknowledged_by"] is None

    real_broker.start()
    hub = await console.until(lambda hub: hub["broker"]["state"] == "connected", "the console is back")
    assert (await console.acknowledge(body(raised.id)))[0] == 200


async def test_a_console_restarted_knows_what_the_broker_kept(real_broker: Broker, tmp_path: Path) -> None:
    one, two = alert(), alert()
    async with real_broker.unit() as unit:
        await asyncio.gather(*(say(unit, f"alert/{each.id}", each) for each in (one, two)))
    async with fresh_console(tmp_path / "first", real_broker) as console:
        await console.until(lambda hub: len(hub["alerts"]) == 2, "both alerts are seen")
        assert (await console.acknowledge(body(one.id)))[0] == 200
    async with fresh_console(tmp_path / "second", real_broker) as console:
        hub = await console.until(lambda hub: row(hub, one.id) and row(hub, two.id), "both alerts are seen")
        hub = await console.until(lambda hub: row(hub, one.id)["acknowledged_by"] == "Ana Ruiz", "so is the answer")
        assert row(hub, two.id)["acknowledged_by"] is None


@asynccontextmanager
async def fresh_console(folder: Path, broker: Broker) -> AsyncIterator[Console]:
    folder.mkdir()
    async with (
        running_console(folder, broker) as where,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(where))) as http,
    ):
        yield Console(where, http)


async def events(console: Console) -> AsyncGenerator[Any, None]:
    """The documents of GET /events."""
    async with console.http.get("http://console/events") as stream:
        assert stream.content_type == "text/event-stream"
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


async def test_every_change_is_pushed(real_broker: Broker, console: Console) -> None:
    raised = alert()
    async with asyncio.timeout(10), real_broker.unit() as unit:
        stream = events(console)
        assert (await anext(stream))["alerts"] == []
        await say(unit, f"alert/{raised.id}", raised)
        while not (pushed := row(await anext(stream), raised.id)):
            pass
        assert pushed["acknowledged_by"] is None
        await console.acknowledge(body(raised.id))
        while not (pushed := row(await anext(stream), raised.id))["acknowledged_by"]:
            pass
        await stream.aclose()


async def test_many_changes_at_once_are_put_together(real_broker: Broker, console: Console) -> None:
    raised = [alert() for _ in range(200)]
    async with asyncio.timeout(20), real_broker.unit() as unit:
        stream = events(console)
        await anext(stream)
        pushes, since = 1, time.monotonic()
        await asyncio.gather(*(say(unit, f"alert/{each.id}", each) for each in raised))
        while len((await anext(stream))["alerts"]) < len(raised):
            pushes += 1
        await stream.aclose()
    assert pushes <= (time.monotonic() - since) / GAP_S + 2


async def test_a_quiet_console_still_beats(console: Console) -> None:
    async with asyncio.timeout(8):
        stream = events(console)
        first, second = await anext(stream), await anext(stream)
        await stream.aclose()
    assert first["at"] < second["at"]


@pytest.mark.parametrize("path", ["/", "/static/console.js", "/static/console.css"])
async def test_the_page_may_load_nothing_from_elsewhere(console: Console, path: str) -> None:
    async with console.http.get(f"http://console{path}") as answer:
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "://" not in (await answer.text()).replace("http://www.w3.org/2000/svg", "")
