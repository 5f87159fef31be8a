"""Where an acceptance is begun, followed and fetched: `org.homedispatch.Acceptance`, in the readiness service.

`Begin(technician, panel, patience_s)` begins one, and it goes on whoever looks; `Stop()` ends it without a report.
`Report()` is the last one signed, kept on the data partition. One runs at a time, in a process of its own, which alone
signs: nothing here, and nothing on the bus, signs what it is handed.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec

from firmware import bus, facts, kept
from firmware.acceptance import order as ordering
from firmware.acceptance import progress
from firmware.acceptance.order import Order, Seen
from firmware.acceptance.progress import Failed, Line, Signed, Walk
from firmware.clock import now_rfc3339
from firmware.selftests.desk import Desk as SelfTests
from firmware.service import Unit

FILE, MOST_BYTES, LONGEST_S = "acceptance.json", 1 << 20, 2.5 * 3600.0
PROGRAM = (sys.executable, "-m", "firmware.acceptance.run")
log = logging.getLogger("acceptance")


class Desk:
    def __init__(self, unit: Unit, selftests: SelfTests) -> None:
        self.unit, self.selftests = unit, selftests
        self.file = Path(unit.config.unit.folders.data) / FILE
        self.last = ""
        self.walk: asyncio.Task[None] | None = None
        selftests.closed = self.closed
        methods = [
            bus.Method("Begin", "ssd", ("technician", "panel", "patience_s"), "s", self.begin),
            bus.Method("Stop", "", (), "", self.stop),
            bus.Method("Report", "", (), "s", self.report),
        ]
        self.export = bus.Export(unit.bus, "Acceptance", Walk(), methods)

    def closed(self) -> str:
        """Why no self test is to disturb now: the walk's own is made before its first step."""
        return f"an acceptance is walked, at {self.export.value.step!r}" if self.export.value.step else ""

    async def begin(self, technician: str, panel: str, patience_s: float) -> str:
        """Returns at once with when it began (RFC 3339); ValueError, in words, where it may not begin."""
        given = ordering.order(technician, panel, patience_s)
        if why := ordering.barred(await self.seen()):
            raise ValueError(f"acceptance: {ordering.NOT_NOW}{why}")
        if why := self.busy():
            raise ValueError(f"acceptance: {ordering.NOT_NOW}{why}")
        self.export.set(progress.begun(given.technician, now_rfc3339()))
        log.warning("acceptance begun", extra={"technician": given.technician})
        self.walk = self.unit.group.create_task(self.follow(given), name="acceptance")
        return self.export.value.began

    def busy(self) -> str:
        if self.export.value.state == "running":
            return f"one is running ({self.export.value.technician}); take it up, or stop it"
        return f"a self test is running ({now}); wait for it" if (now := self.selftests.export.value.running) else ""

    async def seen(self) -> Seen:
        """ValueError where the unit does not know its own state."""
        document = await bus.now(self.unit.bus, "Status", facts.Document)
        alerts = await bus.now(self.unit.bus, "Alerts", facts.Alerts)
        try:
            status = msgspec.json.decode(document.document if document else "", type=facts.Status)
        except msgspec.DecodeError as error:
            raise ValueError(f"acceptance: {ordering.NOT_NOW}this unit does not know its own state") from error
        return Seen(status, alerts.open_alerts if alerts else None)

    async def stop(self) -> None:
        """What runs ends without a report."""
        if self.walk is not None and self.export.value.state == "running":
            self.take(Failed("it was stopped"))
            self.walk.cancel()

    async def report(self) -> str:
        """The last signed report as JSON; empty where there was never one."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self.last = self.last or await asyncio.to_thread(self.file.read_text)
        return self.last

    async def follow(self, given: Order) -> None:
        """One walk from its first line to its last; never without an end, whatever becomes of its process."""
        try:
            async with asyncio.timeout(LONGEST_S), aclosing(said(given)) as lines:
                async for line in lines:
                    await self.took(line)
                    if self.export.value.state != "running":
                        return  # before the process has ended: another walk may have begun by then
        except (TimeoutError, OSError, ValueError, msgspec.DecodeError) as error:
            log.error("acceptance: %s: %s", type(error).__name__, error)
        self.take(Failed(progress.LOST))

    async def took(self, line: Line) -> None:
        """A report is kept before it is told of."""
        if isinstance(line, Signed):
            self.last = line.report
            try:
                await asyncio.to_thread(kept.replace, self.file, line.report.encode(), durable=True)
            except OSError as error:
                log.error("%s cannot be kept: %s; fetch the report before a restart", self.file, error.strerror)
        self.take(line)

    def take(self, line: Line) -> None:
        before, now = self.export.value, progress.after(self.export.value, line)
        self.export.set(now)
        if before.state != now.state:
            log.warning("acceptance ended", extra={"verdict": now.verdict, "why": now.reason})


async def said(given: Order) -> AsyncGenerator[Line]:
    """What the walk's process says; it ends with whoever follows it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*PROGRAM, stdin=pipe, stdout=pipe, limit=MOST_BYTES)
    assert process.stdin and process.stdout
    try:
        process.stdin.write(msgspec.json.encode(given))
        process.stdin.close()
        async for line in process.stdout:
            yield msgspec.json.decode(line, type=Line)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
