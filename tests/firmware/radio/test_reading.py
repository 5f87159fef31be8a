"""One round of questions: what is refused stays unknown, what is wrong is said, a radio left off is turned on."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from firmware import facts
from firmware.drivers import at_answers as at
from firmware.drivers.at_lines import Command
from firmware.drivers.at_port import Answer, ModemRefused, ModemSilent
from firmware.drivers.modem_at import AtModem
from firmware.radio.reading import read, reason
from hw.modem.twin import ModemTwin


@pytest_asyncio.fixture
async def twin(tmp_path: Path) -> AsyncIterator[ModemTwin]:
    twin = ModemTwin(tmp_path / "modem", answer_s=0.005)
    await twin.start()
    yield twin
    await twin.close()


@pytest_asyncio.fixture
async def modem(twin: ModemTwin) -> AsyncIterator[AtModem]:
    modem = AtModem(str(twin.link), 115_200, 0.5, lambda _: None, lambda _: None)
    yield modem
    await modem.close()


async def test_a_radio_that_was_left_off_is_turned_on(modem: AtModem) -> None:
    await modem.ask(at.RADIO_OFF)
    fact = await read(modem.ask, 0.5, "none")
    assert (fact.registered, fact.reason) == (False, "not registered (not searching)")
    assert (await read(modem.ask, 0.5, "none")).registered is True


async def test_a_vendors_question_that_is_refused_leaves_the_rest_known(modem: AtModem) -> None:
    fact = await read(modem.ask, 0.5, "quectel")
    assert (fact.temperature_c, fact.registered, fact.signal_dbm) == (None, True, -71)


async def test_a_modem_that_refuses_everything_is_unknown_and_not_an_error() -> None:
    async def refuse(command: Command) -> Answer:
        raise ModemRefused(command.text, "+CME ERROR: 100")

    assert await read(refuse, 0.5, "simcom") == facts.Modem(
        sim="unknown (+CME ERROR 100)", reason="SIM unknown (+CME ERROR 100)"
    )


async def test_the_cards_number_is_read_or_unknown(twin: ModemTwin, modem: AtModem) -> None:
    for number in ("8944500102198304826", "89445001021983048264", ""):
        await twin.command({"iccid": number})
        assert (await read(modem.ask, 0.5, "none")).iccid == number
    await twin.command({"sim": "absent", "iccid": "8944500102198304826"})
    assert (await read(modem.ask, 0.5, "none")).iccid == ""


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("+CCID: 8944500102198304826F", "8944500102198304826"),
        ("+QCCID: 89445001021983048264", "89445001021983048264"),
        ("+ICCID: 89445001021983048264", "89445001021983048264"),
        ('^ICCID: "8944500102198304826F"', "8944500102198304826"),
        ("89445001021983048264", "89445001021983048264"),
        ("+CCID: 1234", ""),
        ("+CCID: ", ""),
    ],
)
def test_every_makers_answer(line: str, number: str) -> None:
    for command in at.CARD:
        assert at.iccid((line,)) == number
        assert bool(re.match(command.answer, line)) is bool(number)


async def test_one_question_without_an_answer_ends_the_round(twin: ModemTwin, modem: AtModem) -> None:
    await modem.ask(at.CSQ)
    await twin.command({"silent": True})
    asked = len(twin.typed)
    with pytest.raises(ModemSilent):
        await read(modem.ask, 0.2, "simcom")
    assert len(twin.typed) == asked + 1


@pytest.mark.parametrize(
    ("card", "registered", "stats", "words"),
    [
        ("ready", True, [1, None], ""),
        ("ready", False, [3, None], "not registered (denied)"),
        ("ready", False, [6], "not registered (for messages only)"),
        ("ready", None, [None, None], "registration unknown"),
        ("needs its PIN", False, [0], "SIM needs its PIN"),
        ("", None, [], "the SIM does not say its state"),
    ],
)
def test_what_is_wrong_in_words(card: str, registered: bool | None, stats: list[int | None], words: str) -> None:
    assert reason(card, registered, stats) == words
