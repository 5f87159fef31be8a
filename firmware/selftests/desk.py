"""Where a self test is asked for: `org.homedispatch.SelfTest`, and the file that the panel writes.

The panel asks with RUN/selftest.request, everybody else with `Run(scope)`; one runs at a time, each in a process of its
own. The last report stays: its summary in the properties, the whole of it from `Report()`.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

import msgspec

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.selftests import report as selftest
from firmware.selftests.report import Report, Scope
from firmware.service import Unit
from firmware.watch import names

REQUEST = "selftest.request"
LONGEST_S = 60.0
log = logging.getLogger("selftest")


class Desk:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.folder = unit, Path(unit.config.unit.folders.run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.report: Report | None = None
        self.closed: Callable[[], str] = lambda: ""  # why none may run now, besides one that runs
        methods = [
            bus.Method("Run", "s", ("scope",), "s", self.ask),
            bus.Method("Report", "", (), "s", self.last),
        ]
        self.export = bus.Export(unit.bus, "SelfTest", facts.SelfTest(), methods)

    async def ask(self, scope: str) -> str:
        """Begins a self test, returns its scope at once; ValueError while none may run, or for no scope of ours."""
        if scope not in get_args(Scope):
            raise ValueError(f"selftest: {scope} is not one of {', '.join(get_args(Scope))}")
        if self.export.value.running:
            raise ValueError(f"selftest: one is running ({self.export.value.running}); wait for it")
        if why := self.closed():
            raise ValueError(f"selftest: {why}; wait for its end")
        self.begin(cast(Scope, scope))
        return scope

    async def last(self) -> str:
        """The last report as JSON; empty where there was none since the service started."""
        return msgspec.json.encode(self.report).decode() if self.report else ""

    async def follow_panel(self) -> None:
        """A request that comes while a self test runs is answered by that one."""
        async for name in names(self.folder):
            if name in ("", REQUEST) and (self.folder / REQUEST).exists():
                (self.folder / REQUEST).unlink(missing_ok=True)
                if not self.export.value.running and not self.closed():
                    self.begin("all")

    def begin(self, scope: Scope) -> None:
        self.export.set(msgspec.structs.replace(self.export.value, running=scope))
        self.unit.group.create_task(self.run(scope), name="self test")

    async def run(self, scope: Scope) -> None:
        at = now_rfc3339()
        try:
            self.report = await tested(scope)
        except (TimeoutError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            why = f"The self test did not come to its end: {error or 'it took too long'}. Try again."
            self.report = selftest.lost(self.unit.config.unit.name, at, scope, why)
        log.info(
            "self test", extra={"scope": scope, "passed": self.report.passed, "why": "; ".join(self.report.reasons)}
        )
        self.export.set(selftest.summary(self.report))


async def tested(scope: Scope) -> Report:
    """The report of the process; TimeoutError after LONGEST_S, DecodeError where it ended without one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firmware.selftests.run", scope), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return msgspec.json.decode(out, type=Report)
