"""Two processes, one in charge: whatever becomes of it, the other takes over at once, and never are there two."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.firmware.service_scene import BOUND_S, ROOT

TAKES_OVER_S = 0.1
ROUNDS = 5
PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from firmware.buttons.standby import in_charge
async def main():
    print("waits", flush=True)
    await in_charge(Path(sys.argv[1]))
    print(f"{time.monotonic()}", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class One:
    """One of the two."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(BOUND_S):
            return (await self.process.stdout.readline()).decode().strip()

    async def end(self, number: int) -> float:
        """When it was sent the signal; returns when it has ended."""
        at = time.monotonic()
        self.process.send_signal(number)
        await self.process.wait()
        return at


class Desk:
    def __init__(self, lock: Path) -> None:
        self.lock, self.all = lock, list[One]()

    async def another(self) -> One:
        """One that is loaded and waits its turn."""
        argv = (sys.executable, "-c", PROGRAM, str(self.lock))
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
        self.all.append(One(process))
        assert await self.all[-1].says() == "waits"
        return self.all[-1]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "run" / "panel.lock")
    yield made
    for one in made.all:
        if one.process.returncode is None:
            await one.end(signal.SIGKILL)


async def test_the_other_takes_over_within_100_ms_of_a_kill(desk: Desk) -> None:
    """The best of some rounds: what a busy machine adds is not the lock's."""
    holder, took_s = await desk.another(), list[float]()
    await holder.says()
    for _ in range(ROUNDS):
        waiting = await desk.another()
        killed_at = await holder.end(signal.SIGKILL)
        took_s.append(float(await waiting.says()) - killed_at)
        holder = waiting
    assert min(took_s) <= TAKES_OVER_S, took_s


async def test_only_one_is_in_charge(desk: Desk) -> None:
    first = await desk.another()
    await first.says()
    others = [await desk.another() for _ in range(2)]
    says = [asyncio.ensure_future(each.says()) for each in others]
    assert not (await asyncio.wait(says, timeout=0.5))[0]
    await first.end(signal.SIGKILL)
    done, waiting = await asyncio.wait(says, return_when=asyncio.FIRST_COMPLETED, timeout=BOUND_S)
    assert len(done) == 1
    assert not (await asyncio.wait(waiting, timeout=0.5))[0]
    for each in waiting:
        each.cancel()


async def test_one_that_waits_ends_when_it_is_told_to(desk: Desk) -> None:
    first = await desk.another()
    await first.says()
    waiting = await desk.another()
    async with asyncio.timeout(BOUND_S):
        await waiting.end(signal.SIGTERM)
    assert first.process.returncode is None
