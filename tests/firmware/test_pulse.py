"""Who hangs is found out in time; who died, or never was, does not hang."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firmware import pulse
from tests.firmware.hanging import saying
from tests.firmware.service_scene import BOUND_S, Service, eventually

TOLD_S = 2.0


class Watch:
    """What `silent` has said, newest last."""

    def __init__(self) -> None:
        self.said: list[frozenset[str]] = []

    async def follow(self, on: Any) -> None:
        async for each in pulse.silent(on, ("Power", "Modem")):
            self.said.append(each)


@pytest.fixture
async def power(tmp_path: Path, private_bus: str) -> AsyncIterator[Service]:
    del private_bus
    async with saying(tmp_path, "Power", 'Power(source="mains")') as service:
        yield service


@pytest.fixture
async def watch(system_bus: Any, power: Service) -> AsyncIterator[Watch]:
    del power
    made = Watch()
    task = asyncio.create_task(made.follow(system_bus))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_hang_is_told_in_time_and_ends_with_it(power: Service, watch: Watch) -> None:
    began = time.monotonic()
    power.signal(signal.SIGSTOP)
    await eventually(lambda: watch.said == [{"Power"}], "told")
    assert time.monotonic() - began < TOLD_S
    power.signal(signal.SIGCONT)
    await eventually(lambda: watch.said[-1] == frozenset(), "answers again")
    assert watch.said == [{"Power"}, frozenset()]


async def test_a_long_hang_is_told_once_and_a_death_ends_it(power: Service, watch: Watch, system_bus: Any) -> None:
    system_bus.method_call_timeout_usec = 300_000  # the bus gives a ping up: it hangs all the same
    power.signal(signal.SIGSTOP)
    await eventually(lambda: watch.said == [{"Power"}], "told")
    await asyncio.sleep(2 * pulse.EVERY_S)  # two more looks, which must say nothing new
    assert watch.said == [{"Power"}]
    await power.kill()
    await eventually(lambda: watch.said == [{"Power"}, frozenset()], "gone is not hanging", BOUND_S)
