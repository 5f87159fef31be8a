"""A UPS behind NUT's `upsd` (network protocol of Network UPS Tools, RFC 9271), read over one TCP connection."""

import contextlib
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path

from firmware.facts import PowerReading

NAME = "nut"
ANSWER_S = 1.5
MOST_BYTES = 1 << 16


class NutError(OSError):
    """upsd is away, refuses or speaks nonsense; the message says which and what to do."""


def variables(answer: str, ups: str) -> dict[str, str]:
    """The answer to `LIST VAR`: one `VAR <ups> <name> "<value>"` a line; NutError where a line is none of these."""
    found = {}
    for line in answer.splitlines():
        if line.startswith(("BEGIN LIST", "END LIST")):
            continue
        try:
            kind, of, name, value = shlex.split(line)
        except ValueError as error:
            raise NutError(f"nut: {line!r} is no variable of {ups}") from error
        if kind == "VAR" and of == ups:
            found[name] = value
    return found


def number(values: Mapping[str, str], name: str) -> float | None:
    try:
        return float(values[name])
    except (KeyError, ValueError):
        return None


def reading(values: Mapping[str, str]) -> PowerReading:
    """`ups.status` is a set of words: OL on line, OB on battery, LB low, CAL a discharge test, ALARM, OFF."""
    words = set(values.get("ups.status", "").split())
    mains = True if "OL" in words else False if "OB" in words else None
    current = number(values, "battery.current")
    return PowerReading(
        source=NAME,
        mains=mains,
        percent=number(values, "battery.charge"),
        voltage_v=number(values, "battery.voltage"),
        current_a=None if current is None else abs(current) if "OB" in words or "DISCHRG" in words else -abs(current),
        low="LB" in words,
        testing=bool(words & {"CAL", "TEST"}) or "in progress" in values.get("ups.test.result", "").lower(),
        fault="the UPS says ALARM" if "ALARM" in words else "",
    )


class Nut:
    """`ups` at `host`:`port`. The password, needed for tests alone, is read from its file when it is used."""

    def __init__(self, host: str, port: int, ups: str, user: str = "", password_file: str = "") -> None:
        self.host, self.port, self.ups, self.user, self.password_file = host, port, ups, user, password_file
        self._connection: socket.socket | None = None
        self._signed_on = False

    def read(self, _now: float) -> PowerReading:
        """NutError where upsd does not answer; its own DATA-STALE and DRIVER-NOT-CONNECTED are such."""
        return reading(variables(self._ask(f"LIST VAR {self.ups}", f"END LIST VAR {self.ups}\n"), self.ups))

    def test(self, on: bool) -> None:
        """Starts a test that discharges the battery, or ends it; NutError where upsd or the UPS cannot."""
        if not self._signed_on:
            password = Path(self.password_file).read_text().strip() if self.password_file else ""
            self._ask(f"USERNAME {self.user}", "\n")
            self._ask(f"PASSWORD {password}", "\n")
            self._signed_on = True
        self._ask(f"INSTCMD {self.ups} test.battery.{'start.deep' if on else 'stop'}", "\n")

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(b"LOGOUT\n")
            self._connection.close()
        self._connection, self._signed_on = None, False

    def _ask(self, command: str, ends: str) -> str:
        try:
            answer = self._exchange(command, ends)
        except OSError as error:
            self.close()
            raise NutError(f"nut: upsd at {self.host}:{self.port}: {error}; is nut-server up?") from error
        if answer.startswith("ERR"):
            raise NutError(f"nut: {command.split()[0]} {self.ups}: {answer.strip()}; see upsd's ups.conf and users")
        return answer

    def _exchange(self, command: str, ends: str) -> str:
        if self._connection is None:
            self._connection = socket.create_connection((self.host, self.port), ANSWER_S)
        self._connection.sendall(f"{command}\n".encode())
        answer = b""
        while not (answer.endswith(ends.encode()) or (answer.startswith(b"ERR") and answer.endswith(b"\n"))):
            part = self._connection.recv(4096)
            if not part or len(answer) > MOST_BYTES:
                raise ConnectionError("the connection ended")
            answer += part
        return answer.decode(errors="replace")
