"""The modem's one AT port as one thread uses it: found, opened, brought into step, asked.

A command that is not answered in time leaves the dialogue out of step: before the next one ESC ends any text entry, the
echo goes off, and `AT+CMEE?` is asked until that very answer has come and the line is quiet.
"""

import contextlib
import os
import select
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import serial

from firmware.drivers.at_lines import ESC, Command, Exchange, split, take, typed, within_s

QUIET_S, NOISY_S, WRITE_S, READ_BYTES = 0.05, 0.5, 1.0, 4_096
SETUP = ("ATE0", "AT+CMEE=1", "AT+CREG=1", "AT+CEREG=1")  # no echo, errors by number, registration told as it changes
Answer = tuple[str, ...]


class ModemError(Exception):
    """Base of everything the modem can do wrong; the message says what, where and what to do. `typed`: it came after
    the body was typed, so the modem may have acted on it."""

    typed = False


class ModemAbsent(ModemError, FileNotFoundError):
    """There is no port, or it went away: nothing more can be typed."""


class ModemSilent(ModemError, TimeoutError):
    """The port is there, the answer did not come in time."""


class ModemRefused(ModemError, ValueError):
    """The modem answered with an error result code: `code`."""

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"modem: {command} was refused: {code}")
        self.code = code


@dataclass
class AtPort:
    """`where` is a path or a glob; `heard` is given each line nobody had asked for, `lost` the reason when the port
    goes; `wake` is an eventfd that ends a wait for the next line; `answer_s` bounds each command of its own."""

    where: str
    baud: int
    answer_s: float
    heard: Callable[[str], None]
    lost: Callable[[str], None]
    wake: int
    name: str = ""
    closing: bool = False
    _serial: serial.Serial | None = None
    _in_step: bool = False
    _rest: bytes = b""
    _turn: int = 0

    def answer(self, command: Command) -> Answer:
        self._open()
        self._hear_out()
        if not self._in_step:
            self._come_into_step()
        return self._converse(command)

    def turn_away(self) -> None:
        """Closes the port; where the glob finds several, the next one is the one to open."""
        self._turn += 1
        self.drop()

    def _candidates(self) -> list[str]:
        return sorted(str(each) for each in Path("/").glob(str(Path(self.where).absolute()).lstrip("/")))

    def _open(self) -> None:
        """Opens the next candidate; ModemAbsent where there is none or it cannot be opened."""
        if self._serial:
            return
        found = self._candidates()
        if not found:
            raise ModemAbsent(f"modem: no port at {self.where}; plug the modem in or correct modem.port in unit.toml")
        path = found[self._turn % len(found)]
        try:
            self._serial = serial.Serial(path, self.baud, timeout=0, write_timeout=WRITE_S, exclusive=True)
        except (OSError, ValueError, termios.error) as error:
            self._turn += 1
            raise ModemAbsent(f"modem: {path} cannot be opened ({error}); is another program using it?") from error
        self.name, self._in_step, self._rest = str(Path(path).resolve()), False, b""

    def _hear_out(self) -> None:
        """Takes what came since the last command, so that it is not taken for an answer to the next."""
        for line in self.read(0.0):
            self.heard(line)

    def _come_into_step(self) -> None:
        """Ends any text entry, sets the terminal up, and reads until the answer to a question asked now has come."""
        self._write(ESC + b"\r")
        try:
            for text in SETUP:
                with contextlib.suppress(ModemRefused):
                    self._converse(Command(text, "", self.answer_s))
            self._converse(Command("AT+CMEE?", r"\+CMEE: ", self.answer_s))
        except ModemRefused as error:
            raise ModemSilent(f"modem: {self.name} is out of step ({error}); trying again") from error
        except ModemSilent:
            if len(self._candidates()) > 1:
                self.turn_away()  # perhaps another of its ports speaks AT
            raise
        self._until_quiet()
        self._in_step = True

    def _until_quiet(self) -> None:
        until = time.monotonic() + NOISY_S
        while self.read(QUIET_S) and time.monotonic() < until:
            pass

    def _converse(self, command: Command) -> Answer:
        """Types a command and reads until it is answered or its time is over."""
        self._write(typed(command))
        exchange, started = Exchange(command), time.monotonic()
        try:
            while not exchange.final:
                exchange = self._go_on(exchange, started + within_s(exchange) - time.monotonic())
        except ModemError as error:
            error.typed = exchange.typed
            raise
        if exchange.final == "error":
            raise ModemRefused(command.text, exchange.error)
        return exchange.lines

    def _go_on(self, exchange: Exchange, left_s: float) -> Exchange:
        if left_s <= 0 or self.closing:
            self._give_up(exchange)
        for line in self.read(left_s):
            exchange = self._step(exchange, line)
        return exchange

    def _step(self, exchange: Exchange, line: str) -> Exchange:
        step = take(exchange, line)
        if step.write:
            self._write(step.write)
        if step.unsolicited:
            self.heard(step.unsolicited)
        return step.exchange if not exchange.final else exchange

    def _give_up(self, exchange: Exchange) -> None:
        self._in_step = False
        waited = f"{within_s(exchange):g} s on {self.name}"
        raise ModemSilent(f"modem: no answer to {exchange.command.text} within {waited}")

    def _write(self, data: bytes) -> None:
        assert self._serial
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException as error:
            self._in_step = False
            raise ModemSilent(f"modem: {self.name} takes no bytes") from error
        except (OSError, TypeError) as error:
            raise self._gone(error) from error

    def read(self, for_s: float | None) -> tuple[str, ...]:
        """The lines that came, at the latest after `for_s` (None: until there is a command or a line)."""
        ends = [self.wake] if for_s is None else []
        if self._serial:
            ends.append(self._serial.fileno())
        ready, _, _ = select.select(ends, [], [], for_s)
        if self.wake in ready:
            os.eventfd_read(self.wake)
        if not self._serial or self._serial.fileno() not in ready:
            return ()
        try:
            self._rest, lines = split(self._rest, self._serial.read(READ_BYTES))
        except (OSError, TypeError) as error:
            raise self._gone(error) from error
        return lines

    def _gone(self, error: Exception) -> ModemAbsent:
        name = self.name
        self.drop()
        self.lost(f"modem: {name} is gone ({error})")
        return ModemAbsent(f"modem: {name} went away; waiting for it to come back")

    def drop(self) -> None:
        if self._serial:
            with contextlib.suppress(OSError):
                self._serial.close()
        self._serial, self.name, self._in_step = None, "", False
