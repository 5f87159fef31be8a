"""The modem's twin behaves like a modem: on its terminal, in its answers, in its faults, and with nonsense typed in."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from hw.modem.interpreter import Interpreter, Radio
from hw.modem.twin import ModemTwin


class Terminal:
    """The far end of the cable: types, and waits for what must come."""

    def __init__(self, link: Path) -> None:
        self.end = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    async def until(self, what: str, within_s: float = 3.0) -> str:
        """Everything that came up to `what`."""
        came, deadline = b"", asyncio.get_running_loop().time() + within_s
        while what.encode() not in came:
            assert asyncio.get_running_loop().time() < deadline, f"no {what!r} in {came!r}"
            try:
                came += os.read(self.end, 4_096)
            except BlockingIOError:
                await asyncio.sleep(0.005)
        return came.decode("latin-1")

    async def hangs_up(self, within_s: float = 3.0) -> bool:
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            try:
                if os.read(self.end, 4_096) == b"":
                    return True
            except BlockingIOError:
                await asyncio.sleep(0.005)
            except OSError:
                return True
        return False


@pytest_asyncio.fixture
async def twin(tmp_path: Path) -> AsyncIterator[ModemTwin]:
    twin = ModemTwin(tmp_path / "modem", answer_s=0.005, sms_s=0.02, boot_s=0.05)
    await twin.start()
    yield twin
    await twin.close()
    assert list((tmp_path / "modem").iterdir()) == []


@pytest_asyncio.fixture
async def terminal(twin: ModemTwin) -> AsyncIterator[Terminal]:
    terminal = Terminal(twin.link)
    yield terminal
    os.close(terminal.end)


async def test_it_echoes_until_told_not_to(terminal: Terminal) -> None:
    terminal.type("ATE0\r")
    assert await terminal.until("OK\r\n") == "ATE0\r\r\nOK\r\n"
    terminal.type("AT+CSQ\r")
    assert await terminal.until("OK\r\n") == "\r\n+CSQ: 21,99\r\n\r\nOK\r\n"


async def test_a_message_is_kept_as_it_was_typed(twin: ModemTwin, terminal: Terminal) -> None:
    terminal.type('AT+CMGS="+15550100"\r')
    await terminal.until("> ")
    terminal.type("PANIC at desk 7\x1a")
    await terminal.until("OK\r\n")
    (message,) = twin.sms_sent
    assert (message["to"], message["text"]) == ("+15550100", "PANIC at desk 7")
    assert twin.state()["sms_sent"] == [message] and message["at"].endswith("Z")


async def test_a_message_is_left_by_escape(twin: ModemTwin, terminal: Terminal) -> None:
    terminal.type('AT+CMGS="+15550100"\r')
    await terminal.until("> ")
    terminal.type("PAN\x1b")
    await terminal.until("OK\r\n")
    terminal.type("AT+CPIN?\r")
    await terminal.until("+CPIN: READY")
    assert twin.sms_sent == []


async def test_no_message_without_a_network(twin: ModemTwin, terminal: Terminal) -> None:
    await twin.command({"registered": False})
    terminal.type('AT+CMGS="+15550100"\r')
    await terminal.until("> ")
    terminal.type("PANIC\x1a")
    await terminal.until("+CMS ERROR: 331")


async def test_it_is_pulled_out_and_comes_back_under_another_name(twin: ModemTwin, terminal: Terminal) -> None:
    was = twin.state()["port"]
    await twin.command({"unplug": True})
    assert await terminal.hangs_up()
    assert twin.state()["port"] is None and not twin.link.is_symlink()
    await twin.command({"unplug": False})
    assert twin.state()["port"] not in (None, was)
    assert str(twin.link.readlink()) == twin.state()["port"]


async def test_the_power_of_its_port_is_switched(twin: ModemTwin, terminal: Terminal) -> None:
    await twin.command({"silent": True, "cured_by": "power"})
    twin.power.write_text("1\n")
    assert await terminal.hangs_up()
    twin.power.write_text("0\n")
    deadline = asyncio.get_running_loop().time() + 3
    while twin.state()["port"] is None:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)
    assert twin.state()["silent"] is False


async def test_it_tells_a_changed_registration_when_asked_to(twin: ModemTwin, terminal: Terminal) -> None:
    terminal.type("AT+CEREG=1\r")
    await terminal.until("OK\r\n")
    await twin.command({"registered": False})
    await terminal.until("+CEREG: 2\r\n")


@pytest.mark.parametrize(
    "body",
    [
        {"nonsense": True},
        {"signal_dbm": "loud"},
        {"signal_dbm": 7},
        {"signal_dbm": True},
        {"registered": 1},
        {"sim": "gone"},
        {"sim": []},
        {"slow_s": -1},
        {"unsolicited": "RING\r\n"},
        {"sms_error": "x"},
        {"signal_dbm": -90, "nonsense": True},
    ],
)
async def test_a_wrong_command_changes_nothing_and_says_why_in_one_line(
    twin: ModemTwin, body: dict[str, object]
) -> None:
    before = twin.state()
    with pytest.raises(ValueError, match=r"^modem: [^\n]+$"):
        await twin.command(body)
    assert twin.state() == before


async def test_healed_it_is_as_new(twin: ModemTwin) -> None:
    before = twin.state()
    await twin.command({"signal_dbm": -105, "registered": False, "silent": True, "sim": "absent", "garbage": True})
    assert twin.state() != before
    await twin.command({"heal": True})
    assert twin.state() == before


@given(st.binary(max_size=300))
def test_nonsense_typed_in_gets_an_error_or_nothing(typed: bytes) -> None:
    modem = Interpreter(Radio(), lambda _to, _text: None, lambda: None, lambda: None)
    for byte in typed:
        modem.key(byte)
    modem.key(0x1B)
    modem.key(0x0D)
    answers = [line for byte in b"AT+CPIN?\r" for line in modem.key(byte)[1]]
    assert answers == ["+CPIN: READY", "OK"]
