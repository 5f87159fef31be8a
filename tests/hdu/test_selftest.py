"""`hdu selftest` as it is called: by the unit's own service, and from here where that is away."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sdbus import SdBus

from firmware import bus, facts
from hdu import cli
from tests.firmware.test_verdict import GOOD

BOUND_S = 40.0
TOML = '[folders]\ndata = "{0}/data"\nrun = "{0}/run"\n'


@pytest.fixture
async def unit(private_bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SdBus]:
    """A bus with a status in which a call is on: nothing is to be done to the headset."""
    for part in ("data/spool", "run"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "unit.toml").write_text(TOML.format(tmp_path))
    monkeypatch.setenv("HDU_CONFIG", str(tmp_path))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    talking = msgspec.structs.replace(GOOD, call=facts.Call(state="active", registered=True))
    document = facts.Document(document=msgspec.json.encode(talking).decode())
    status = bus.Export(bus.connect(), "Status", document)
    await status.own()
    yield status.bus
    status.bus.close()


async def hdu(*arguments: str) -> tuple[int | None, str]:
    command = (sys.executable, "-m", "hdu.cli", "selftest", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=dict(os.environ))
    async with asyncio.timeout(BOUND_S):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


@contextlib.asynccontextmanager
async def readiness(on: SdBus) -> AsyncIterator[None]:
    """The verdict's service as on a unit."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "firmware", "readiness", stderr=PIPE)
    try:
        async with asyncio.timeout(BOUND_S):
            async for fact in bus.follow(on, "SelfTest", facts.SelfTest):
                if fact is not None:
                    break
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_the_unit_tests_itself_and_what_fails_is_the_exit_status(unit: SdBus) -> None:
    async with readiness(unit):
        status, words = await hdu("--json")
        assert status == 1
        report = json.loads(words)
        assert not report["passed"] and report["reasons"]
        assert "The centre did not answer" in " ".join(report["reasons"])
        assert json.loads(await bus.call(unit, "SelfTest", "Report")) == report


async def test_where_the_service_is_away_the_test_runs_from_here(unit: SdBus) -> None:
    assert unit
    status, words = await hdu()
    assert status == 1
    assert "NOT PASSED" in words and "not available while a call is on" in words


async def test_only_what_cannot_be_tested_is_not_a_pass(unit: SdBus) -> None:
    assert unit
    assert (await hdu("audio"))[0] == 1


def test_a_wrong_call_is_exit_status_2_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["selftest", "coffee"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
