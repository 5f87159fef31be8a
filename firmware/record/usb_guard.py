"""What USBGuard refused, from its audit log (`AuditBackend=FileAudit`): what is read is taken out of the file.

So the file stays small, and holds what no recorder has heard yet. A device's name is its own to choose, quotes and all:
it may make a refusal look like two, and never like none.
"""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from watchdog.events import FileModifiedEvent

from firmware.facts import Fact
from firmware.watch import names

AUDIT = "audit.log"
REFUSED = re.compile(r"\btarget(?:\.new)?='(?:block|reject)'")
DEVICE = re.compile(r'\bid ([0-9a-fA-F]{4}:[0-9a-fA-F]{4}) .*?\bname "((?:[^"\\]|\\.)*)"(?:.*?\bvia-port "([^"]*)")?')
WINDOW_S, MOST = 60.0, 20  # what is plugged in and out for ever must not push all else out of the record
log = logging.getLogger("usb_guard")


class Refusal(Fact, frozen=True):
    """One device that was refused: `id` is vendor:product (USB 2.0, 9.6.1). `more` were left out before this one."""

    id: str
    name: str = ""
    port: str = ""
    more: int = 0


def refusal(line: str) -> Refusal | None:
    """The refusal in a line of the audit log; None where it is of something else. Pure."""
    if not REFUSED.search(line) or "type='Policy.Device." not in line:
        return None
    found = DEVICE.search(line)
    return Refusal(id=found[1].lower(), name=found[2], port=found[3] or "") if found else Refusal(id="unknown")


class Pace:
    """At most MOST in any WINDOW_S; what is over is counted."""

    def __init__(self) -> None:
        self.told: deque[float] = deque(maxlen=MOST)
        self.more = 0

    def lets(self, now_s: float) -> bool:
        if len(self.told) == MOST and now_s - self.told[0] < WINDOW_S:
            self.more += 1
            return False
        self.told.append(now_s)
        return True

    def taken(self) -> int:
        """How many were left out since this was asked last."""
        found, self.more = self.more, 0
        return found


def take(file: Path) -> list[str]:
    """The whole lines in the log, which is then empty; OSError. What is written meanwhile stays for next time."""
    with file.open("r+b") as log_file:
        data = log_file.read()
        if data.endswith(b"\n") and log_file.seek(0, 2) == len(data):
            log_file.truncate(0)
            return data.decode(errors="replace").splitlines()
    return []


async def refusals(folder: Path) -> AsyncIterator[Refusal]:
    """Each refusal, those that nobody has heard first; ends at once where there is no USBGuard (the bench)."""
    if not folder.is_dir():
        log.info("%s: not there, so what is plugged into USB is not followed", folder)
        return
    pace = Pace()
    async for name in names(folder, [FileModifiedEvent]):
        if name not in ("", AUDIT):
            continue
        for line in await asyncio.to_thread(_taken, folder / AUDIT):
            found = refusal(line)
            if found and pace.lets(time.monotonic()):
                yield Refusal(id=found.id, name=found.name, port=found.port, more=pace.taken())


def _taken(file: Path) -> list[str]:
    try:
        return take(file)
    except OSError as error:
        log.error("%s: %s; what USBGuard refuses is not recorded", file, error.strerror)
        return []
