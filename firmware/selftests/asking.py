"""A self test asked of the service, by whoever wants its report."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from firmware import bus, facts
from firmware.selftests.report import Report, Scope

if TYPE_CHECKING:
    from sdbus import SdBus

LONGEST_S = 65.0


async def asked(system: "SdBus", scope: Scope) -> Report:
    """The report. BusError where the service does not take the order, or goes away in the middle; TimeoutError."""
    async with asyncio.timeout(LONGEST_S):
        await bus.call(system, "SelfTest", "Run", "s", scope)
        async for fact in bus.follow(system, "SelfTest", facts.SelfTest):
            if fact is None:
                raise bus.BusError("selftest: its service ended in the middle")
            if not fact.running:
                return msgspec.json.decode(await bus.call(system, "SelfTest", "Report"), type=Report)
    raise bus.BusError("selftest: the bus ended")
