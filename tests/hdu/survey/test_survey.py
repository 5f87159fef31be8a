"""The survey as it is run: a real bus, a real Status fact, Ctrl-C in the middle, and the same command again."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from firmware import bus, facts
from hdu import cli
from hdu.survey.record import Recording, read
from hdu.survey.sampling import Event, Resume
from tests.firmware.test_verdict import GOOD

BOUND_S = 40.0
MEASURED = tuple(msgspec.structs.replace(each, rtt_ms=12.0, jitter_ms=1.0, loss=0.0) for each in GOOD.uplinks)
WELL = msgspec.structs.replace(GOOD, uplinks=MEASURED)
DOWN = msgspec.structs.replace(
    WELL, uplinks=(msgspec.structs.replace(MEASURED[0], state="down", active=False), MEASURED[1])
)


def fact(status: facts.Status) -> facts.Document:
    return facts.Document(document=msgspec.json.encode(status).decode())


@pytest.fixture
async def unit(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[bus.Export[facts.Document]]:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    made = bus.Export(bus.connect(), "Status", fact(WELL))
    await made.own()
    yield made
    made.bus.close()


async def hdu(*arguments: str) -> Process:
    command = (sys.executable, "-m", "hdu.cli", "survey", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=dict(os.environ))


async def ended(process: Process) -> str:
    async with asyncio.timeout(BOUND_S):
        out, err = await process.communicate()
    return (out + err).decode()


async def seen(file: Path, *events: tuple[str, str]) -> Recording:
    """The survey once it holds these events and a sample after them."""
    async with asyncio.timeout(BOUND_S):
        while True:
            with contextlib.suppress(Exception):
                found = read(file)
                told = {(each.what, each.now): each.at for each in found.entries if isinstance(each, Event)}
                if set(events) <= set(told) and found.samples and found.samples[-1].at > max(told.values()):
                    return found
            await asyncio.sleep(0.02)


async def test_a_survey_is_interrupted_gone_on_with_and_judged(
    unit: bus.Export[facts.Document], tmp_path: Path
) -> None:
    file, page = tmp_path / "s.jsonl", tmp_path / "s.html"
    first = await hdu("--seconds", "6", "--file", str(file), "--report", str(page))
    await seen(file, ("wired", "up"))
    unit.set(fact(DOWN))
    await seen(file, ("wired", "down"))
    first.send_signal(signal.SIGINT)
    words = await ended(first)
    assert "are left to measure" in words and "Signed off" in page.read_text()
    before = read(file)
    assert 0 < before.measured_s < 6
    unit.set(fact(WELL))
    second = await hdu("--file", str(file), "--report", str(page))
    words = await ended(second)
    found = read(file)
    assert found.measured_s == pytest.approx(6.0, abs=0.5)
    assert sum(isinstance(each, Resume) for each in found.entries) == 1
    assert found.entries[: len(before.entries)] == before.entries
    outages = json.loads(page.with_suffix(".json").read_bytes())["outages"]
    assert [(each["what"], each["state"]) for each in outages] == [("wired", "down")]
    assert "left to measure" not in words


async def test_a_unit_that_falls_silent_is_unknown(unit: bus.Export[facts.Document], tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    process = await hdu("--seconds", "60", "--file", str(file))
    await seen(file, ("hub", "yes"))
    unit.bus.close()
    found = await seen(file, ("hub", "unknown"), ("wired", "unknown"))
    assert found.samples[-1].two_kinds is None
    process.send_signal(signal.SIGINT)
    assert "not" in await ended(process)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--minutes", "4"], "5 minutes to 72 hours"),
        (["--hours", "73"], "5 minutes to 72 hours"),
        (["--seconds", "0"], "5 minutes to 72 hours"),
        (["--as-is", "--file", "/nowhere/s.jsonl"], "measure first"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["survey", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said and "\n" not in said


def test_another_length_does_not_go_on_with_a_survey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text('{"type":"begin","unit":"hdu-0001","version":"1","at":0.0,"length_s":600.0,"every_s":1.0}\n')
    assert cli.main(["survey", "--minutes", "20", "--file", str(file)]) == 2
    assert "holds a survey of 600 s" in capsys.readouterr().err
