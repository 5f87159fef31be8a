"""What an LTE modem does with AT commands: bytes typed in, answers out; its radio, SIM and messages as plain values.

3GPP TS 27.007 and 27.005 as the common modems keep them. No time and no port in here: `hw/modem/twin.py` has both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

OK, CTRL_Z, ESC = "OK", 0x1A, 0x1B
Answer = list[str]


@dataclass
class Radio:
    """What the air and the SIM are like; the twin's commands set it."""

    signal_dbm: int = -71
    registered: bool = True
    sim: str = "READY"
    iccid: str = "8944500102198304826"
    operator: str = "Lab Mobile"
    temperature_c: int = 41
    sms_error: int | None = None
    prompt: bool = True


@dataclass
class Interpreter:
    """`sent` is told each message; `radio_on` is told each time +CFUN turns the radio on; `restart` of +CFUN=1,1."""

    radio: Radio
    sent: Callable[[str, str], None]
    radio_on: Callable[[], None]
    restart: Callable[[], None]
    echo: bool = True
    errors: int = 0
    functional: int = 1
    reports: bool = False
    _line: bytearray = field(default_factory=bytearray)
    _to: str | None = None
    _body: bytearray = field(default_factory=bytearray)

    @property
    def line(self) -> str:
        """The command line typed so far."""
        return self._line.decode("latin-1")

    def key(self, byte: int) -> tuple[bytes, Answer]:
        """One byte typed: what is echoed at once, and the lines that answer it (`> ` is the prompt)."""
        if self._to is not None:
            return self._text_key(byte)
        if byte != 0x0D:
            self._line.append(byte)
            return (bytes([byte]) if self.echo else b""), []
        line, echo = self.line, b"\r" if self.echo else b""
        self._line.clear()
        start = line.upper().find("AT")
        return echo, self._command(line[start + 2 :].strip()) if start >= 0 else []

    def _text_key(self, byte: int) -> tuple[bytes, Answer]:
        if byte not in (CTRL_Z, ESC):
            self._body.append(byte)
            return (bytes([byte]) if self.echo else b""), []
        to, self._to = self._to or "", None
        text, self._body = self._body.decode("latin-1"), bytearray()
        return b"", [OK] if byte == ESC else self._send(to, text)

    def _send(self, to: str, text: str) -> Answer:
        if self.radio.sms_error is not None:
            return [f"+CMS ERROR: {self.radio.sms_error}"]
        if not self.registered():
            return ["+CMS ERROR: 331"]
        self.sent(to, text)
        return ["+CMGS: 12", OK]

    def registered(self) -> bool:
        return self.radio.registered and self.functional == 1 and self.radio.sim == "READY"

    def _command(self, command: str) -> Answer:
        for pattern, answer in _COMMANDS:
            if found := re.fullmatch(pattern, command, re.IGNORECASE):
                return answer(self, *found.groups())
        return ["ERROR"]

    def _failed(self, code: int) -> Answer:
        return [f"+CME ERROR: {code}"] if self.errors else ["ERROR"]

    def _set_echo(self, value: str) -> Answer:
        self.echo = value == "1"
        return [OK]

    def _set_errors(self, value: str) -> Answer:
        self.errors = int(value)
        return [OK]

    def _get_errors(self) -> Answer:
        return [f"+CMEE: {self.errors}", OK]

    def _pin(self) -> Answer:
        return self._failed(10) if self.radio.sim == "absent" else [f"+CPIN: {self.radio.sim}", OK]

    def _card(self) -> Answer:
        if self.radio.sim == "absent":
            return self._failed(10)
        return [f"+CCID: {self.radio.iccid}F", OK] if self.radio.iccid else self._failed(4)

    def _registration(self, which: str) -> Answer:
        stat = 1 if self.registered() else (2 if self.functional == 1 else 0)
        more = ',"1A2B","01C3D404",7' if stat == 1 and self.reports else ""
        return [f"+{which.upper()}: {2 if self.reports else 0},{stat}{more}", OK]

    def _set_reports(self, value: str) -> Answer:
        self.reports = value != "0"
        return [OK]

    def _operator(self) -> Answer:
        return [f'+COPS: 0,0,"{self.radio.operator}",7' if self.registered() else "+COPS: 0", OK]

    def _signal(self) -> Answer:
        rssi = min(31, max(0, round((self.radio.signal_dbm + 113) / 2))) if self.functional == 1 else 99
        return [f"+CSQ: {rssi},99", OK]

    def _signal_extended(self) -> Answer:
        rsrp = min(97, max(0, self.radio.signal_dbm - 28 + 141)) if self.registered() else 255
        return [f"+CESQ: 99,99,255,255,{20 if rsrp != 255 else 255},{rsrp}", OK]

    def _temperature(self) -> Answer:
        return [f"+CPMUTEMP: {self.radio.temperature_c}", OK]

    def _get_functional(self) -> Answer:
        return [f"+CFUN: {self.functional}", OK]

    def _set_functional(self, value: str, reset: str | None) -> Answer:
        if reset == "1":
            self.restart()
            return [OK]
        was, self.functional = self.functional, int(value)
        if was != 1 and self.functional == 1:
            self.radio_on()
        return [OK]

    def _message(self, to: str) -> Answer:
        if self.radio.sim != "READY":
            return ["+CMS ERROR: 310" if self.radio.sim == "absent" else "+CMS ERROR: 311"]
        if not self.radio.prompt:
            return []
        self._to = to
        return ["> "]

    def _nothing(self) -> Answer:
        return [OK]


_COMMANDS: list[tuple[str, Callable[..., Answer]]] = [
    (r"", Interpreter._nothing),
    (r"E([01])", Interpreter._set_echo),
    (r"\+CMEE=([012])", Interpreter._set_errors),
    (r"\+CMEE\?", Interpreter._get_errors),
    (r"\+CPIN\?", Interpreter._pin),
    (r"\+CCID", Interpreter._card),
    (r"\+(C(?:E|G)?REG)\?", Interpreter._registration),
    (r"\+C(?:E|G)?REG=([012])", Interpreter._set_reports),
    (r"\+COPS\?", Interpreter._operator),
    (r"\+CSQ", Interpreter._signal),
    (r"\+CESQ", Interpreter._signal_extended),
    (r"\+CPMUTEMP", Interpreter._temperature),
    (r"\+CFUN\?", Interpreter._get_functional),
    (r"\+CFUN=([014])(?:,([01]))?", Interpreter._set_functional),
    (r"\+CMGF=1", Interpreter._nothing),
    (r'\+CSCS="IRA"', Interpreter._nothing),
    (r'\+CMGS="(\+?\d+)"(?:,\d+)?', Interpreter._message),
]
