"""A battery test as a person waits for it, on a real bus."""

import asyncio

import pytest
from rich.console import Console

from firmware import bus, facts
from hdu import discharge

BOUND_S = 20.0
DONE = facts.Power(test="idle", test_ended="done", tested_minutes=201.4, health_percent=93.0, replace=False)


async def watched(private_bus: str, monkeypatch: pytest.MonkeyPatch, *story: facts.Power) -> facts.Power | None:
    """What is returned when the power service says `story`, one after the other."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    power = bus.Export(bus.connect(), "Power", facts.Power())
    await power.own()
    waits = asyncio.create_task(discharge.until_ended(Console(quiet=True)))
    for fact in story:
        await asyncio.sleep(0.2)  # the pace of the story, not a wait for a result
        power.set(fact)
    async with asyncio.timeout(BOUND_S):
        return await waits


async def test_it_is_waited_for_to_its_end(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    running = facts.Power(test="running", percent=80.0)
    assert await watched(private_bus, monkeypatch, running, DONE) == DONE


async def test_one_that_does_not_begin_is_not_waited_for(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = facts.Power(test_ended="not begun: a shift is on")
    assert await watched(private_bus, monkeypatch, refused) is None


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (DONE, "lasts 201 minutes, 93 % of a new one."),
        (facts.Power(test_ended="done", tested_minutes=90.0, replace=True), "Replace it."),
        (facts.Power(test_ended="mains is not there"), "mains is not there"),
        (facts.Power(), "nobody knows"),
    ],
)
def test_what_it_found(power: facts.Power, words: str) -> None:
    assert words in discharge.result(power)
