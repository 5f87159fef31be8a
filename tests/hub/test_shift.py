"""The console signs a dispatcher on: what the unit itself says comes of it, and what is refused is told in one line."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from tests.hub.conftest import UNITS, Broker, Console
from tests.hub.test_console import say

UNIT = UNITS[0]


@pytest.fixture
async def unit(real_broker: Broker, console: Console) -> AsyncIterator[aiomqtt.Client]:
    """On line, and known to the console."""
    async with real_broker.unit() as made:
        await made.subscribe(f"hdu/v1/{UNIT}/command/+", qos=1)
        await say(made, "online", True)
        await console.until(lambda hub: hub["units"], "the unit is seen")
        yield made


@contextlib.asynccontextmanager
async def answering(unit: aiomqtt.Client, **result: object) -> AsyncIterator[list[dict[str, object]]]:
    """The unit answers each order with its id and `result`; what was ordered."""
    orders: list[dict[str, object]] = []

    async def answer() -> None:
        async for message in unit.messages:
            assert isinstance(message.payload, bytes) and not message.retain
            orders.append(json.loads(message.payload))
            said = {"id": orders[-1]["id"], **result}
            await unit.publish(f"hdu/v1/{UNIT}/result/shift", json.dumps(said).encode(), qos=1)

    task = asyncio.create_task(answer())
    yield orders
    while not task.done():  # Python before 3.12 drops a cancellation that meets the end of a wait_for (gh-86296)
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def body(who: str = "Kim Lee", minutes: int = 480, unit: str = UNIT) -> str:
    return json.dumps({"unit": unit, "who": who, "minutes": minutes})


async def test_the_end_of_the_shift_is_what_the_unit_says(unit: aiomqtt.Client, console: Console) -> None:
    async with answering(unit, done=True, words="2026-11-22T18:00:00.000Z") as orders:
        status, text = await console.post("shift", body(" Kim  Lee "))
        assert (status, json.loads(text)) == (200, {"unit": UNIT, "until": "2026-11-22T18:00:00.000Z"})
        assert (orders[0]["who"], orders[0]["minutes"]) == ("Kim Lee", 480)


async def test_a_refusal_of_the_unit_is_told(unit: aiomqtt.Client, console: Console) -> None:
    async with answering(unit, done=False, words="the disk is full"):
        assert await console.post("shift", body()) == (503, f"shift: {UNIT} refused: the disk is full\n")


async def test_a_unit_that_does_not_answer_is_told(unit: aiomqtt.Client, console: Console) -> None:
    del unit
    status, text = await console.post("shift", body())
    assert (status, text) == (503, f"shift: {UNIT} did not answer; is it on line?\n")


async def test_anothers_answer_is_not_taken_for_the_units(
    unit: aiomqtt.Client, console: Console, real_broker: Broker
) -> None:
    async with real_broker.unit(UNITS[1]) as other:
        await other.publish(f"hdu/v1/{UNITS[1]}/result/shift", b'{"id":"1","done":true}', qos=1)
        async with answering(unit, done=False, words="no"):
            assert (await console.post("shift", body()))[0] == 503


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (body(unit="hdu-9999"), 404),
        (body(who=""), 400),
        (body(who="K\x00m"), 400),
        (body(minutes=-1), 400),
        (body(minutes=1_441), 400),
        ('{"unit": "x"}', 400),
        ("[]", 400),
        ("{", 400),
    ],
)
async def test_bad_input_is_refused_in_one_line(unit: aiomqtt.Client, console: Console, text: str, status: int) -> None:
    del unit
    found, words = await console.post("shift", text)
    assert found == status and words.startswith("shift: ") and words.count("\n") == 1
