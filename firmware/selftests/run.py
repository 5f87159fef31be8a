"""One self test, as a process: `python -m firmware.selftests.run all|audio|power` prints its report as JSON.

Exit 0 passed, 1 not. It is a process of its own so that what it needs goes when it ends. `run` is for whoever wants to
see the parts as they come.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import get_args

import msgspec

from firmware import bus, journal
from firmware.clock import now_rfc3339
from firmware.config import Config
from firmware.configfile import load
from firmware.selftests import report as selftest
from firmware.selftests.parts import Examination, Unanswered
from firmware.selftests.report import Part, Report, Scope


async def run(config: Config, scope: Scope, found: Callable[[Part], None]) -> Report:
    """The report; `found` hears of each part as it is known. A unit that does not answer is a report that failed."""
    began, at, parts = time.monotonic(), now_rfc3339(), list[Part]()
    try:
        async for part in Examination(bus.connect(), config).run(scope):
            parts.append(part)
            found(part)
    except (Unanswered, bus.BusError) as error:
        parts.append(Part(part="unit", outcome="failed", words=str(error)))
        found(parts[-1])
    return selftest.report(config.unit.name, at, scope, time.monotonic() - began, parts)


def main() -> int:
    journal.set_up()
    (scope,) = [each for each in get_args(Scope) if each == sys.argv[1]]
    config, _ = load()
    report = asyncio.run(run(config, scope, lambda _: None))
    print(msgspec.json.encode(report).decode())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
