"""Structured logs: one line a record with its fields, to the journal where there is one, and never a flood.

`log.info("moved", extra={"uplink": "lte", "outage_ms": 41})` is `MESSAGE=moved uplink=lte outage_ms=41` with the
journald fields `UPLINK=lte` and `OUTAGE_MS=41` (native protocol, systemd.journal-fields(7)); else the line.
"""

import logging
import os
import socket
import struct
import sys
import time
from typing import Any

SOCKET = "/run/systemd/journal/socket"
BURST, PER_S = 20, 10.0
PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


class OneLine(logging.Formatter):
    """`message key=value ...`, an exception folded into the same line."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [
            f"{record.name}: {record.getMessage()}",
            *(f"{name}={value}" for name, value in fields(record).items()),
        ]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append("at=" + _where(record.exc_info[1]))
        return " | ".join(" ".join(parts).splitlines())


def _where(error: BaseException) -> str:
    """file:line of the innermost frame."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


class NoFlood(logging.Filter):
    """Lets BURST records of one template through in PER_S seconds; then one line says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key, now = f"{record.name}:{record.msg}", time.monotonic()
        since, count = self.seen.get(key, (now, 0))
        if now - since >= PER_S:
            record.msg = f"{record.msg} ({count - BURST} more like this left out)" if count > BURST else record.msg
            since, count = now, 0
        self.seen[key] = (since, count + 1)
        return count < BURST


class Journal(logging.Handler):
    """The native journal protocol: FIELD=value lines, or FIELD, length and bytes where a value has line breaks."""

    def __init__(self, path: str = SOCKET) -> None:
        super().__init__()
        self.out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.out.connect(path)

    def emit(self, record: logging.LogRecord) -> None:
        priority = PRIORITY.get(record.levelno, 6)
        values = {"MESSAGE": self.format(record), "PRIORITY": priority, "LOGGER": record.name, **fields(record)}
        try:
            self.out.send(b"".join(_line(name.upper(), str(value)) for name, value in values.items()))
        except OSError:
            self.handleError(record)


def _line(name: str, value: str) -> bytes:
    data = value.encode(errors="backslashreplace")  # a file name may hold what is no UTF-8
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def set_up(level: int = logging.INFO) -> None:
    """Logs of this process go to the journal when systemd started it, else to standard error."""
    handler: logging.Handler
    handler = Journal() if os.environ.get("JOURNAL_STREAM") else logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.addFilter(NoFlood())
    logging.basicConfig(level=level, handlers=[handler], force=True)
