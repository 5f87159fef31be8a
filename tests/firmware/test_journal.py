"""One record is one line with its fields, for a person and for journald; a flood is one line that counts it."""

import logging
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import journal


def record(message: str, *args: object, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    made = logging.getLogger("alerts").makeRecord("alerts", level, "alerts.py", 1, message, args, None, None, fields)
    assert isinstance(made, logging.LogRecord)
    return made


def test_the_line_holds_the_message_and_its_fields() -> None:
    line = journal.OneLine().format(record("moved after %d ms", 41, uplink="lte", outage_ms=41))
    assert line == "alerts: moved after 41 ms uplink=lte outage_ms=41"


def test_an_exception_is_told_by_its_place_in_the_same_line() -> None:
    try:
        raise OSError("gone")
    except OSError as error:
        made = record("failed: %s", error)
        made.exc_info = (OSError, error, error.__traceback__)
    line = journal.OneLine().format(made)
    assert "failed: gone" in line and f"at={__file__}:" in line and "Traceback" not in line


@given(message=st.text(), field=st.text())
def test_whatever_is_said_is_one_line(message: str, field: str) -> None:
    assert len(journal.OneLine().format(record("%s", message, said=field)).splitlines()) == 1


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "journal"))
        made.settimeout(5)
        yield made


def parsed(datagram: bytes) -> dict[str, str]:
    """The native journal protocol as its documentation has it."""
    found, rest = {}, datagram
    while rest:
        head, rest = rest.split(b"\n", 1)
        name, equals, value = head.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        found[name.decode()] = value.decode()
    return found


def handler(journald: socket.socket) -> journal.Journal:
    made = journal.Journal(journald.getsockname())
    made.setFormatter(journal.OneLine())
    return made


def test_journald_gets_the_fields(journald: socket.socket) -> None:
    handler(journald).emit(record("moved", level=logging.WARNING, uplink="lte", outage_ms=41))
    assert parsed(journald.recv(65_536)) == {
        "MESSAGE": "alerts: moved uplink=lte outage_ms=41",
        "PRIORITY": "4",
        "LOGGER": "alerts",
        "UPLINK": "lte",
        "OUTAGE_MS": "41",
    }


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.DEBUG, "7"), (logging.INFO, "6"), (logging.ERROR, "3"), (logging.CRITICAL, "2")]
)
def test_levels_are_the_priorities_of_syslog(journald: socket.socket, level: int, priority: str) -> None:
    handler(journald).emit(record("x", level=level))
    assert parsed(journald.recv(65_536))["PRIORITY"] == priority


def test_a_value_of_several_lines_arrives_whole(journald: socket.socket) -> None:
    handler(journald).emit(record("x", said="one\ntwo=2\n"))
    assert parsed(journald.recv(65_536))["SAID"] == "one\ntwo=2\n"


def test_a_file_name_that_is_no_utf_8_is_logged_and_no_reason_to_die(journald: socket.socket) -> None:
    handler(journald).emit(record("moved %s aside", b"\xff.alert".decode(errors="surrogateescape")))
    assert r"\udcff.alert" in parsed(journald.recv(65_536))["MESSAGE"]


def test_a_journal_that_is_gone_is_no_reason_to_die(
    journald: socket.socket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = handler(journald)
    journald.close()
    monkeypatch.setattr(logging, "raiseExceptions", True)
    made.emit(record("x"))
    assert "ConnectionRefusedError" in capsys.readouterr().err


class Clock:
    """Time as the flood control sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("firmware.journal.time.monotonic", made.monotonic)
    return made


def passed(flood: journal.NoFlood, template: str, count: int) -> list[str]:
    made = [record(template, number) for number in range(count)]
    return [each.getMessage() for each in made if flood.filter(each)]


def test_a_flood_is_cut_and_counted(clock: Clock) -> None:
    flood = journal.NoFlood()
    assert len(passed(flood, "lost %d", 1000)) == journal.BURST
    assert passed(flood, "other %d", 1) == ["other 0"]
    clock.now += journal.PER_S
    first, second = passed(flood, "lost %d", 2)
    assert first == f"lost 0 ({1000 - journal.BURST} more like this left out)"
    assert second == "lost 1"


def test_what_is_no_flood_is_never_cut(clock: Clock) -> None:
    flood = journal.NoFlood()
    for _ in range(10):
        assert len(passed(flood, "beat %d", journal.BURST)) == journal.BURST
        clock.now += journal.PER_S


def test_without_a_journal_the_lines_go_to_standard_error() -> None:
    code = "import logging; from firmware import journal; journal.set_up(); logging.info('up', extra={'after_ms': 3})"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": "."}, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "root: up after_ms=3\n")
