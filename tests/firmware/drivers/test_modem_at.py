"""The driver against the twin: every fault a modem's AT port has, and the answer after it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from firmware.drivers import at_answers
from firmware.drivers.at_lines import Command
from firmware.drivers.at_port import Answer, ModemAbsent, ModemRefused, ModemSilent
from firmware.drivers.modem_at import AtModem
from hw.modem.twin import ModemTwin

CSQ = Command("AT+CSQ", r"\+CSQ: ", 0.4)
MESSAGE = Command('AT+CMGS="+15550100"', r"\+CMGS: ", 1.0, "help")


class Bench:
    """A twin, the driver on it, and what the driver told."""

    def __init__(self, twin: ModemTwin, where: str) -> None:
        self.twin, self.heard, self.lost = twin, list[str](), list[str]()
        self.modem = AtModem(where, 115_200, 0.4, self.heard.append, self.lost.append)

    async def signal_dbm(self) -> int | None:
        return at_answers.signal_dbm(await self.modem.ask(CSQ))

    async def until_asked(self, command: Command) -> Answer:
        """The answer once the modem is back, at the latest after five seconds."""
        async with asyncio.timeout(5):
            while True:
                try:
                    return await self.modem.ask(command)
                except (ModemAbsent, ModemSilent):
                    await asyncio.sleep(0.02)


async def until(holds: Callable[[], object], within_s: float = 2.0) -> None:
    """Returns once `holds`; fails after `within_s`."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    twin = ModemTwin(tmp_path / "modem", answer_s=0.005, sms_s=0.05, boot_s=0.1)
    await twin.start()
    bench = Bench(twin, str(twin.link))
    yield bench
    await bench.modem.close()
    await twin.close()


async def test_it_asks_and_is_answered(bench: Bench) -> None:
    assert await bench.signal_dbm() == -71
    assert bench.modem.port == bench.twin.state()["port"]


@pytest.mark.parametrize("fault", ["echo", "garbage", "chatty", "partial"])
async def test_a_line_with_noise_still_answers(bench: Bench, fault: str) -> None:
    await bench.signal_dbm()
    await bench.twin.command({fault: True, "signal_dbm": -93})
    assert [await bench.signal_dbm() for _ in range(5)] == [-93] * 5
    assert at_answers.operator(await bench.modem.ask(at_answers.COPS)) == "Lab Mobile"
    await bench.modem.ask(MESSAGE)
    assert bench.twin.sms_sent[0]["text"] == "help"


async def test_what_nobody_asked_for_is_told(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"unsolicited": '+CREG: 5,"1A2B","01C3D404"'})
    await until(lambda: bench.heard)
    assert bench.heard == ['+CREG: 5,"1A2B","01C3D404"']
    assert at_answers.REGISTRATION_CHANGED.match(bench.heard[0])


async def test_an_answer_that_never_comes_is_given_up_in_time(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"silent": True})
    before = asyncio.get_running_loop().time()
    with pytest.raises(ModemSilent, match=r"no answer to AT\+CSQ within 0.4 s"):
        await bench.signal_dbm()
    assert asyncio.get_running_loop().time() - before < 0.6
    await bench.twin.command({"silent": False})
    assert await bench.signal_dbm() == -71


async def test_a_late_answer_is_not_taken_for_the_next_ones(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"slow_s": 0.5})
    with pytest.raises(ModemSilent):
        await bench.signal_dbm()
    await bench.twin.command({"slow_s": 0, "signal_dbm": -101})
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -101


async def test_a_late_error_is_not_taken_for_the_next_ones(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"slow_s": 0.5})
    with pytest.raises(ModemSilent):
        await bench.modem.ask(Command("AT+NOSUCH", within_s=0.1))
    await bench.twin.command({"slow_s": 0})
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -71


async def test_a_refusal_is_told_at_once_in_the_modems_words(bench: Bench) -> None:
    await bench.twin.command({"sim": "absent"})
    with pytest.raises(ModemRefused) as refused:
        await bench.modem.ask(at_answers.CPIN)
    assert refused.value.code == "+CME ERROR: 10"


async def test_the_port_goes_and_comes_back_under_another_name(bench: Bench) -> None:
    await bench.signal_dbm()
    was = bench.modem.port
    await bench.twin.command({"unplug": True})
    await until(lambda: bench.lost)
    with pytest.raises(ModemAbsent, match="plug the modem in"):
        await bench.signal_dbm()
    await bench.twin.command({"unplug": False})
    assert await bench.signal_dbm() == -71
    assert bench.modem.port not in ("", was)


async def test_the_port_goes_in_the_middle_of_a_command(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"vanish_on": "AT+CSQ"})
    with pytest.raises(ModemAbsent, match="went away"):
        await bench.signal_dbm()
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -71


async def test_a_prompt_that_never_comes_leaves_no_text_entry_behind(bench: Bench) -> None:
    await bench.twin.command({"prompt": False})
    with pytest.raises(ModemSilent) as silent:
        await bench.modem.ask(MESSAGE)
    assert not silent.value.typed
    await bench.twin.command({"prompt": True})
    assert await bench.signal_dbm() == -71
    assert bench.twin.sms_sent == []


async def test_a_late_prompt_swallows_no_command(bench: Bench) -> None:
    await bench.signal_dbm()
    await bench.twin.command({"slow_s": 0.5})
    with pytest.raises(ModemSilent):
        await bench.modem.ask(Command(MESSAGE.text, MESSAGE.answer, 0.1, MESSAGE.body))
    await bench.twin.command({"slow_s": 0})
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -71
    assert bench.twin.sms_sent == []


async def test_a_text_entry_somebody_left_open_is_ended(bench: Bench) -> None:
    port = os.open(bench.twin.link, os.O_RDWR | os.O_NOCTTY)
    os.write(port, MESSAGE.text.encode() + b"\r")
    await until(lambda: bench.twin.typed)
    os.close(port)
    assert await bench.signal_dbm() == -71
    assert bench.twin.sms_sent == []


async def test_a_message_without_a_confirmation_says_it_was_typed(bench: Bench) -> None:
    await bench.signal_dbm()
    bench.twin.sms_s = 2.5
    with pytest.raises(ModemSilent) as silent:
        await bench.modem.ask(MESSAGE)
    assert silent.value.typed
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -71


async def test_a_glob_finds_the_port_that_speaks(tmp_path: Path) -> None:
    mute, right = ModemTwin(tmp_path / "a"), ModemTwin(tmp_path / "b", answer_s=0.005)
    await mute.start()
    await right.start()
    await mute.command({"silent": True})
    bench = Bench(right, str(tmp_path / "[ab]" / "modem"))
    assert at_answers.signal_dbm(await bench.until_asked(CSQ)) == -71
    assert bench.modem.port == right.state()["port"]
    await bench.modem.close()
    await mute.close()
    await right.close()


async def test_a_port_held_by_another_is_refused_in_words(bench: Bench) -> None:
    await bench.signal_dbm()
    other = Bench(bench.twin, str(bench.twin.link))
    with pytest.raises(ModemAbsent, match="another program"):
        await other.signal_dbm()
    await other.modem.close()


async def test_what_cannot_be_typed_is_told_and_the_next_command_is_answered(bench: Bench) -> None:
    with pytest.raises(UnicodeEncodeError):
        await bench.modem.ask(Command("AT+\N{SNOWMAN}"))
    assert await bench.signal_dbm() == -71


async def test_after_its_end_it_answers_nobody_and_hangs_nobody(bench: Bench) -> None:
    await bench.modem.close()
    with pytest.raises(RuntimeError, match="has ended"):
        await bench.signal_dbm()
