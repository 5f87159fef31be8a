"""The Megatec protocol against the twin on a real pseudo-terminal."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.ups_serial import UpsSerial, UpsSerialError, parse
from hw.power.ups_twin import UpsTwin


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[UpsTwin]:
    twin = UpsTwin(tmp_path)
    await twin.start()
    yield twin
    await twin.close()


def test_the_published_example() -> None:
    said = parse(b"(208.4 140.0 208.4 034 59.9 2.05 35.0 00110000\r")
    assert (said.mains, said.low, said.voltage_v, said.testing) == (True, False, 2.05, False) and said.fault


@given(st.binary(max_size=60))
def test_noise_is_refused_by_name(noise: bytes) -> None:
    with pytest.raises(UpsSerialError, match="no answer to Q1"):
        parse(noise)


async def test_mains_low_and_voltage(twin: UpsTwin) -> None:
    ups = UpsSerial(str(twin.port))
    assert (await asyncio.to_thread(ups.read, 0.0)).mains is True
    await twin.command({"mains": False, "low": True, "battery_v": 11.2})
    said = await asyncio.to_thread(ups.read, 0.0)
    assert (said.mains, said.low, said.voltage_v, said.percent) == (False, True, 11.2, None)
    ups.close()


async def test_a_test_is_begun_and_ended(twin: UpsTwin) -> None:
    ups = UpsSerial(str(twin.port))
    for on in (True, False):
        ups.test(on)
        assert (await asyncio.to_thread(ups.read, 0.0)).testing is on
    ups.close()


@pytest.mark.parametrize("fault", ["silent", "garbage"])
async def test_silence_and_garbage_are_errors_and_then_forgotten(twin: UpsTwin, fault: str) -> None:
    ups = UpsSerial(str(twin.port))
    await twin.command({fault: True})
    with pytest.raises(UpsSerialError):
        await asyncio.to_thread(ups.read, 0.0)
    await twin.command({fault: False})
    assert (await asyncio.to_thread(ups.read, 0.0)).mains is True
    ups.close()


def test_a_port_that_is_not_there_says_which() -> None:
    with pytest.raises(UpsSerialError, match="/nonexistent/ups"):
        UpsSerial("/nonexistent/ups").read(0.0)
