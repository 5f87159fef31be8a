"""Orders of the agency over a real broker: done on the bus and answered, refused in words, never done twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware import bus, facts
from firmware.orders import obeyed
from tests.firmware.conftest import Console, Followed, configure
from tests.firmware.service_scene import Service, eventually, running
from tests.hub.conftest import Broker

AGAIN_S = 2.0


class Shift:
    """Stands where the shift is on the bus, and keeps what it is told."""

    def __init__(self, system_bus: Any) -> None:
        self.told: list[tuple[str, int]] = []
        methods = [
            bus.Method("SignOn", "sx", ("who", "minutes"), "s", self.sign_on),
            bus.Method("SignOff", "", (), "", self.sign_off),
        ]
        self.export = bus.Export(system_bus, "Shift", facts.Shift(on=False), methods)

    async def sign_on(self, who: str, minutes: int) -> str:
        if minutes > 1_440:
            raise ValueError(f"shift: {minutes} minutes is no shift")
        self.told.append((who, minutes))
        return "2026-11-22T18:00:00.000Z"

    async def sign_off(self) -> None:
        self.told.append(("", 0))


@pytest.fixture
async def shift(system_bus: Any) -> Shift:
    made = Shift(system_bus)
    await made.export.own()
    return made


@pytest.fixture
async def told(private_bus: str, follow: Callable[[str, type], Followed]) -> Followed:
    del private_bus
    return follow("HubLink", facts.Hub)


@pytest.fixture
async def link(tmp_path: Path, broker: Broker, told: Followed) -> AsyncIterator[Service]:
    configure(tmp_path, broker)
    async with running(tmp_path, "firmware.hublink") as made:
        await eventually(lambda: told.now and told.now.connected, f"connected: {made.words()}")
        yield made


async def ordered(console: Console, name: str, content: Any) -> Any:
    """What the unit answered. Not retained: a unit that has just connected may not listen yet, so it is sent again."""
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    before = len(console.heard(f"result/{name}"))
    await eventually(lambda: console.client, "the console is on the broker")
    assert console.client

    async def send() -> None:
        while console.client:
            await console.client.publish(f"hdu/v1/hdu-0001/command/{name}", payload, qos=1)
            await asyncio.sleep(AGAIN_S)

    sending = asyncio.create_task(send())
    await eventually(lambda: len(console.heard(f"result/{name}")) > before, "the unit answers")
    sending.cancel()
    return json.loads(console.heard(f"result/{name}")[-1])


async def test_a_shift_is_ordered_and_the_end_of_it_comes_back(link: Service, shift: Shift, console: Console) -> None:
    said = await ordered(console, "shift", {"id": "1", "who": "Kim", "minutes": 480})
    assert said == {"id": "1", "done": True, "words": "2026-11-22T18:00:00.000Z"}
    said = await ordered(console, "shift", {"id": "2", "who": "Kim", "minutes": 0})
    assert (said["id"], said["done"], shift.told) == ("2", True, [("Kim", 480), ("", 0)])


async def test_what_the_unit_refuses_comes_back_with_its_reason(link: Service, shift: Shift, console: Console) -> None:
    said = await ordered(console, "shift", {"id": "1", "who": "Kim", "minutes": 9_999})
    assert (said["id"], said["done"]) == ("1", False) and "9999 minutes is no shift" in said["words"]
    said = await ordered(console, "reboot", {"id": "1"})
    assert not said["done"] and "knows no order 'reboot'" in said["words"]
    assert link.alive() and shift.told == []


async def test_an_order_that_was_retained_is_one_of_yesterday(
    link: Service, told: Followed, shift: Shift, console: Console
) -> None:
    await console.say("command/shift", b'{"id":"1","who":"Kim","minutes":60}')  # to who is there now: done
    await eventually(lambda: shift.told, "done once")
    await link.kill()
    await eventually(lambda: told.now is None, "dead")
    await link.start()
    await eventually(lambda: told.now and told.now.connected, "connected again")
    said = await ordered(console, "shift", {"id": "2", "who": "Lee", "minutes": 60})
    assert said["done"] and shift.told[0] == ("Kim", 60) and set(shift.told[1:]) == {("Lee", 60)}


@pytest.mark.parametrize(
    "payload",
    [
        b"Kim",
        b"[]",
        b"\xff",
        b"[" * 30_000,
        b'{"id":"1","who":"Kim"}',
        b'{"id":1,"who":"Kim","minutes":1}',
        b'{"id":"1","who":"Kim","minutes":1,"as":"admin"}',
        b'{"id":"1","who":"Kim","minutes":1e99}',
        b'{"id":"1","who":"Kim","minutes":99999999999999999999}',
        b'{"id":"1","who":"Kim","minutes":9223372036854775808}',
        b'{"id":"1","who":"K\\u0000m","minutes":1}',
    ],
)
async def test_what_is_no_order_is_refused_in_words(shift: Shift, system_bus: Any, payload: bytes) -> None:
    said = await obeyed(system_bus, "shift", payload)
    assert not said.done and said.words and said.words.isprintable() and len(said.words) < 400
    assert shift.told == []


async def test_without_the_shift_the_order_is_refused(system_bus: Any) -> None:
    said = await obeyed(system_bus, "shift", b'{"id":"1","who":"Kim","minutes":60}')
    assert (said.id, said.done) == ("1", False) and "Shift SignOn failed" in said.words
