"""A UPS that speaks the Megatec protocol (`Q1`) over a serial line, 2400 baud, 8N1.

`Q1<CR>` is answered by `(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7b6b5b4b3b2b1b0<CR>`: input V, input V at the last
fault, output V, load in percent, Hz, battery V (of one cell on an on-line UPS), degrees C, and bits: 7 utility fails,
6 battery low, 5 bypass or boost, 4 UPS failed, 3 standby type, 2 test in progress, 1 shutdown active, 0 beeper. It
tells no percent: that stays unknown. `TL<CR>` tests until it is low, `CT<CR>` ends a test; neither is answered.
"""

import re

import serial

from firmware.facts import PowerReading

NAME = "ups_serial"
ANSWER_S = 0.8
ANSWER = re.compile(rb"\(([\d.]+) ([\d.]+) ([\d.]+) (\d{1,3}) ([\d.]+) ([\d.]+) ([\d.]+) ([01]{8})")
FAILS, LOW, FAILED, TESTING = 0, 1, 3, 5  # places in the bits as they are sent, bit 7 first


class UpsSerialError(OSError):
    """The UPS does not answer as the protocol says; the message says on which port and what came."""


def parse(line: bytes) -> PowerReading:
    """One answer to `Q1`; UpsSerialError for anything else."""
    found = ANSWER.fullmatch(line.strip())
    if found is None:
        raise UpsSerialError(f"ups: {line!r} is no answer to Q1; is it a Megatec UPS, and at this baud rate?")
    bits = found[8].decode()
    try:
        battery_v = float(found[6])
    except ValueError as error:
        raise UpsSerialError(f"ups: {line!r} holds a number that is none") from error
    return PowerReading(
        source=NAME,
        mains=bits[FAILS] == "0",
        voltage_v=battery_v,
        low=bits[LOW] == "1",
        testing=bits[TESTING] == "1",
        fault="the UPS says that it has failed" if bits[FAILED] == "1" else "",
    )


class UpsSerial:
    """The UPS on `port`. A port that goes away is opened anew at the next read."""

    def __init__(self, port: str, baud: int = 2_400) -> None:
        self.port, self.baud = port, baud
        self._line: serial.Serial | None = None

    def read(self, _now: float) -> PowerReading:
        """Takes up to ANSWER_S; UpsSerialError where nothing sensible comes."""
        try:
            line = self._opened()
            line.reset_input_buffer()
            line.write(b"Q1\r")
            answer = line.read_until(b"\r", 128)
        except (serial.SerialException, OSError) as error:
            self.close()
            raise UpsSerialError(f"ups: {self.port or 'power.ups_port'}: {error}; check the cable") from error
        if not answer.endswith(b"\r"):
            raise UpsSerialError(f"ups: {self.port}: no answer to Q1 in {ANSWER_S} s; check the cable")
        return parse(answer)

    def test(self, on: bool) -> None:
        try:
            self._opened().write(b"TL\r" if on else b"CT\r")
        except (serial.SerialException, OSError) as error:
            self.close()
            raise UpsSerialError(f"ups: {self.port}: cannot ask for a test: {error}") from error

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _opened(self) -> serial.Serial:
        if self._line is None:
            self._line = serial.Serial(self.port, self.baud, timeout=ANSWER_S, write_timeout=ANSWER_S, exclusive=True)
        return self._line
