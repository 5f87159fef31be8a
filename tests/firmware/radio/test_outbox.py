"""Messages out, against the twin: none doubled by us, none given up while another try could help."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from firmware.drivers.modem_at import AtModem
from firmware.radio.outbox import Outbox, SmsFailed
from hw.modem.twin import ModemTwin

TO = "+15550100"


class Desk:
    def __init__(self, twin: ModemTwin, sms_s: float = 3.0) -> None:
        self.twin = twin
        self.modem = AtModem(str(twin.link), 115_200, 0.3, lambda _: None, lambda _: None)
        self.outbox = Outbox(self.modem.ask, 0.3, sms_s, 4)

    def texts(self) -> list[str]:
        return [each["text"] for each in self.twin.sms_sent]

    def tries(self) -> int:
        return self.twin.typed.count(f'AT+CMGS="{TO}"')


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    twin = ModemTwin(tmp_path / "modem", answer_s=0.005, sms_s=0.05, boot_s=0.1)
    await twin.start()
    desk = Desk(twin)
    yield desk
    await desk.modem.close()
    await twin.close()


async def test_sent_is_what_the_network_took(desk: Desk) -> None:
    assert await desk.outbox.send(TO, "x" * 200) == "sent"
    assert desk.texts() == ["x" * 156 + " ..."]


async def test_what_passes_is_waited_for(desk: Desk) -> None:
    await desk.twin.command({"sms_error": 332})
    sending = asyncio.create_task(desk.outbox.send(TO, "PANIC"))
    while desk.tries() < 2 and not sending.done():
        await asyncio.wait([sending], timeout=0.01)
    await desk.twin.command({"sms_error": None})
    assert await sending == "sent"
    assert desk.texts() == ["PANIC"]


async def test_a_modem_that_was_silent_is_tried_again(desk: Desk) -> None:
    await desk.twin.command({"silent": True})
    sending = asyncio.create_task(desk.outbox.send(TO, "PANIC"))
    await asyncio.wait([sending], timeout=0.8)
    await desk.twin.command({"silent": False})
    assert await sending == "sent"
    assert desk.texts() == ["PANIC"]


async def test_what_will_not_pass_is_refused_at_once(desk: Desk) -> None:
    await desk.twin.command({"sms_error": 21})
    with pytest.raises(SmsFailed, match=r"rejected \(\+CMS ERROR 21\); it was not sent"):
        await desk.outbox.send(TO, "PANIC")
    assert desk.tries() == 1


async def test_its_time_is_bounded(desk: Desk) -> None:
    await desk.twin.command({"unplug": True})
    begun = asyncio.get_running_loop().time()
    with pytest.raises(SmsFailed, match=r"no port at .*; it was not sent"):
        await desk.outbox.send(TO, "PANIC")
    assert asyncio.get_running_loop().time() - begun < 3.0 + 1.0


async def test_one_that_may_have_gone_is_not_typed_again_by_itself(desk: Desk) -> None:
    desk.twin.sms_s, desk.outbox.sms_s = 2.5, 0.6
    with pytest.raises(SmsFailed, match="it may have been sent"):
        await desk.outbox.send(TO, "PANIC")
    assert desk.texts() == ["PANIC"]
    desk.twin.sms_s, desk.outbox.sms_s = 0.05, 10.0
    assert await desk.outbox.send(TO, "PANIC") == "sent"
    assert desk.texts() == ["PANIC", "PANIC"]


async def test_whoever_asks_again_gets_the_same_message(desk: Desk) -> None:
    impatient = asyncio.create_task(desk.outbox.send(TO, "PANIC"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await desk.outbox.send(TO, "PANIC") == "sent"
    assert await desk.outbox.send(TO, "PANIC") == "sent"
    assert desk.texts() == ["PANIC"]


async def test_one_at_a_time_in_order_and_no_more_than_may_wait(desk: Desk) -> None:
    sending = [asyncio.create_task(desk.outbox.send(TO, f"alert {each}")) for each in range(6)]
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert answers[:4] == ["sent"] * 4
    assert all(isinstance(each, SmsFailed) and "4 messages wait already" in str(each) for each in answers[4:])
    assert desk.texts() == [f"alert {each}" for each in range(4)]
    assert desk.outbox.waiting == 0
