"""The modem's twin: an LTE modem on a pseudo-terminal, with the faults real ones have.

`folder/modem` is a link to the terminal of now, `folder/port-power` a pipe that takes 1 (power off) and 0 (on again),
as the `disable` file of a USB hub's port does.
"""

import asyncio
import contextlib
import os
import random
import tty
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hw.modem.interpreter import Interpreter, Radio

SIMS = ("READY", "SIM PIN", "absent")
CURES = ("none", "airplane", "reset", "power")
GARBAGE = bytes(each for each in range(256) if each not in b"\r\n")
_BOOLS = ("registered", "silent", "garbage", "echo", "unplug", "chatty", "partial", "prompt", "heal")
_TAKES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **{name: (lambda value: isinstance(value, bool), "true or false") for name in _BOOLS},
    "signal_dbm": (lambda value: _whole(value, -140, -20), "a whole number from -140 to -20"),
    "sim": (lambda value: value in SIMS, f"one of {', '.join(SIMS)}"),
    "iccid": (lambda value: isinstance(value, str) and (not value or _digits(value)), "19 or 20 digits, or empty"),
    "cured_by": (lambda value: value in CURES, f"one of {', '.join(CURES)}"),
    "sms_error": (lambda value: value is None or _whole(value, 0, 999), "null or a whole number from 0 to 999"),
    "slow_s": (lambda value: type(value) in (int, float) and 0 <= value <= 600, "seconds from 0 to 600"),
    "vanish_on": (lambda value: isinstance(value, str) and len(value) <= 64, "the start of a command line"),
    "unsolicited": (lambda value: isinstance(value, str) and value.isprintable(), "one printable line"),
}


UNSOLICITED = (
    b"\r\nRING\r\n",
    b'\r\n+CREG: 1,"1A2B","01C3D404",7\r\n',
    b"\r\n+CEREG: 1\r\n",
    b'\r\n^HCSQ:"LTE",46,42,101,14\r\n',
    b'\r\n+CMTI: "SM",3\r\n',
)


def _terminal(not_this: str) -> tuple[int, int]:
    """A raw pseudo-terminal (master, slave) of another name than the last one's."""
    master, slave = os.openpty()
    if os.ttyname(slave) == not_this:
        ends = _terminal(not_this)
        os.close(master)
        os.close(slave)
        return ends
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave


def _digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) in (19, 20)


def _whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


class ModemTwin:
    """`answer_s` is how long a command takes, `sms_s` how long the network takes for a message, `boot_s` a restart."""

    def __init__(self, folder: Path, answer_s: float = 0.02, sms_s: float = 0.5, boot_s: float = 3.0) -> None:
        self.folder, self.answer_s, self.sms_s, self.boot_s = folder, answer_s, sms_s, boot_s
        self.link, self.power = folder / "modem", folder / "port-power"
        self.sms_sent: list[dict[str, str]] = []
        self.typed: list[str] = []  # every command line that came, for those who count
        self._ends: tuple[int, int] | None = None  # master and slave
        self._last = ""
        self._told = True
        self._random = random.Random(27_007)
        self._heal()

    def _heal(self) -> None:
        self.silent = self.garbage = self.chatty = self.partial = False
        self.cured_by, self.vanish_on, self.slow_s, self.radio = "none", "", 0.0, Radio()
        self._brain = self._fresh()

    def _fresh(self) -> Interpreter:
        return Interpreter(self.radio, self._message, lambda: self._cure("airplane"), self._restart)

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        self._answers: asyncio.Queue[tuple[int, float, bytes]] = asyncio.Queue()
        self.power.unlink(missing_ok=True)
        os.mkfifo(self.power)
        self._switch = os.open(self.power, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._loop.add_reader(self._switch, self._switched)
        self._tasks = {self._loop.create_task(self._write_forever())}
        self._plug()

    async def close(self) -> None:
        self._unplug()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loop.remove_reader(self._switch)
        os.close(self._switch)
        self.power.unlink()

    def state(self) -> dict[str, object]:
        return {
            "sms_sent": list(self.sms_sent),
            "signal_dbm": self.radio.signal_dbm,
            "registered": self.radio.registered,
            "silent": self.silent,
            "sim": self.radio.sim,
            "iccid": self.radio.iccid,
            "port": os.ttyname(self._ends[1]) if self._ends else None,
        }

    async def command(self, body: dict[str, object]) -> None:
        for name, value in body.items():
            if name not in _TAKES:
                raise ValueError(f"modem: {name!r} is not known; use {', '.join(_TAKES)}")
            good, words = _TAKES[name]
            if not good(value):
                raise ValueError(f"modem: {name} is {value!r}; give {words}")
        for name, value in body.items():
            self._obey(name, value)

    def _obey(self, name: str, value: Any) -> None:
        if name == "heal":
            self._heal()
            self._plug()
            self._report()
        elif name == "unplug":
            self._unplug() if value else self._plug()
        elif name == "echo":
            self._brain.echo = value
        elif name == "unsolicited":
            self._later(0.0, f"\r\n{value}\r\n".encode())
        elif hasattr(self.radio, name):
            setattr(self.radio, name, value)
            self._report()
        else:
            setattr(self, name, value)

    def _report(self) -> None:
        """Tells a changed registration where +CEREG=1 asked for it."""
        was, self._told = self._told, self._brain.registered()
        if self._brain.reports and was != self._told:
            self._later(0.0, b"\r\n+CEREG: %d\r\n" % (1 if self._told else 2))

    # The port.

    def _plug(self) -> None:
        """The modem is there, just powered: its echo is on, and its terminal has another name than the last one had."""
        if self._ends:
            return
        self._ends = master, slave = _terminal(self._last)
        self._last = os.ttyname(slave)
        self._brain = self._fresh()
        self._loop.add_reader(master, self._typed)
        new = self.folder / ".modem.new"
        new.symlink_to(self._last)
        new.rename(self.link)

    def _unplug(self) -> None:
        if not self._ends:
            return
        self._loop.remove_reader(self._ends[0])
        self.link.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = None

    def _vanish(self, for_s: float) -> None:
        self._unplug()
        self._start(self._come_back(for_s))

    async def _come_back(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._plug()

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _switched(self) -> None:
        for each in os.read(self._switch, 4_096).decode().split():
            if each == "1":
                self._unplug()
            elif each == "0":
                self._cure("power")
                self._plug()

    def _restart(self) -> None:
        self._cure("reset")
        self._start(self._reboot())

    async def _reboot(self) -> None:
        await asyncio.sleep(2 * self.answer_s)  # the OK still goes out
        self._vanish(self.boot_s)

    def _cure(self, how: str) -> None:
        if self.cured_by != "none" and CURES.index(how) >= CURES.index(self.cured_by):
            self.silent, self.radio.registered, self.cured_by = False, True, "none"

    # The conversation.

    def _typed(self) -> None:
        try:
            data = os.read(self._ends[0], 4_096) if self._ends else b""
        except BlockingIOError:
            return
        for byte in data:
            self._key(byte)

    def _key(self, byte: int) -> None:
        if byte == 0x0D:
            line = self._brain.line
            self.typed.append(line)
            if self.vanish_on and line.startswith(self.vanish_on):
                self.vanish_on = ""
                self._vanish(self.boot_s)
                return
        echo, answer = self._brain.key(byte)
        self._later(0.0, echo)
        self._answer(answer)

    def _answer(self, lines: list[str]) -> None:
        """Each line as V.250 frames it, after the time it takes; what is wrong with this modem goes in between."""
        wait_s = self.slow_s + (self.sms_s if any(each.startswith("+CMGS") for each in lines) else self.answer_s)
        for line in lines:
            self._later(wait_s, self._noise() + (b"\r\n> " if line == "> " else f"\r\n{line}\r\n".encode()))
            wait_s = 0.0

    def _noise(self) -> bytes:
        noise = bytes(self._random.choices(GARBAGE, k=40)) if self.garbage else b""
        return noise + (self._random.choice(UNSOLICITED) if self.chatty else b"")

    def _later(self, after_s: float, data: bytes) -> None:
        """In order, whatever each piece's own wait; nothing goes out of a silent modem."""
        if self._ends and data and not self.silent:
            self._answers.put_nowait((self._ends[0], after_s, data))

    async def _write_forever(self) -> None:
        while True:
            end, after_s, data = await self._answers.get()
            await asyncio.sleep(after_s)
            for piece in [data[at : at + 1] for at in range(len(data))] if self.partial else [data]:
                self._write(end, piece)
                await asyncio.sleep(0)

    def _write(self, end: int, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads: a full line loses bytes, as a UART does
            if self._ends and self._ends[0] == end:
                os.write(end, data)

    def _message(self, to: str, text: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.sms_sent.append({"to": to, "text": text, "at": at})
