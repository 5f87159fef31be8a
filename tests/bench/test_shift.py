"""A dispatcher signs on from the console: an update waits for the end of the shift, which comes by itself.

A bench of its own: settings that are taken stay.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.conftest import ROOT, Client, begun

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(300)]
SETTLED_S = 90.0


@pytest.fixture
def bench() -> Iterator[Client]:
    with begun("s", "--trial-s", "5") as client:
        client.until("the unit is at its hub", lambda: client.get("/unit.json")["hub"]["connected"])
        yield client


def unit(bench: Client, section: str) -> Any:
    return bench.get("/unit.json")[section]


def hdu(bench: Client, *words: str) -> tuple[int, str]:
    """The command on the unit."""
    pairs = (line.removeprefix("export ").partition("=") for line in (bench.folder / "environment").open())
    environment = {name: value.strip().strip("'") for name, _, value in pairs}
    ran = subprocess.run(
        [sys.executable, "-m", "hdu.cli", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout.strip()


def test_an_update_waits_for_the_end_of_a_shift_and_of_a_call(bench: Client) -> None:
    site = bench.folder / "unit" / "config" / "site.toml"
    bench.until("nobody is on shift", lambda: unit(bench, "shift")["on"] is False)
    until = bench.post("/hub/shift", {"unit": "hdu-0001", "who": "Kim Lee", "minutes": 1})["until"]
    bench.until("the unit says so", lambda: unit(bench, "shift") == {"on": True, "who": "Kim Lee", "until": until})
    bench.until("so does the hub", lambda: bench.get("/hub.json")["units"][0]["shift"]["who"] == "Kim Lee")
    assert hdu(bench, "shift") == (0, f"on shift: Kim Lee, until {until}")

    before = site.read_text()
    bench.post("/twin/release", {"site": {"power": {"low_minutes": 20}}, "version": "2"})
    bench.until("the update waits", lambda: unit(bench, "update")["reason"] == "on shift")
    assert site.read_text() == before

    bench.until("the shift ends by itself", lambda: unit(bench, "shift")["on"] is False, 70.0)
    assert bench.get("/unit.json")["at"] >= until and site.read_text() == before
    bench.post("/twin/call", {"action": "ring"})
    bench.until("it rings", lambda: unit(bench, "call")["state"] == "ringing")
    bench.post("/twin/release", {"look": True})
    bench.until("the update waits for the call", lambda: unit(bench, "update")["reason"] == "in a call")
    bench.post("/twin/call", {"action": "hang-up"})
    bench.until("it is idle", lambda: unit(bench, "call")["state"] == "idle")
    assert site.read_text() == before
    bench.post("/twin/release", {"look": True})
    bench.until("then it is in force", lambda: "low_minutes = 20" in site.read_text(), SETTLED_S)


def test_a_shift_is_signed_off_at_the_unit_and_the_update_then_comes(bench: Client) -> None:
    site = bench.folder / "unit" / "config" / "site.toml"
    assert hdu(bench, "shift", "on", "Kim", "--hours", "8")[0] == 0
    bench.until("the unit says so", lambda: unit(bench, "shift")["who"] == "Kim")
    bench.post("/twin/process", {"service": "readiness", "signal": "KILL"})
    bench.until("its service is away", lambda: unit(bench, "shift")["on"] is None)
    bench.until("the shift outlives it", lambda: unit(bench, "shift")["who"] == "Kim")
    bench.post("/twin/release", {"site": {"power": {"low_minutes": 20}}, "version": "2"})
    bench.until("the update waits", lambda: unit(bench, "update")["reason"] == "on shift")
    assert hdu(bench, "shift", "off") == (0, "nobody is on shift")
    bench.post("/twin/release", {"look": True})
    bench.until("it is in force", lambda: "low_minutes = 20" in site.read_text(), SETTLED_S)
    assert hdu(bench, "shift") == (1, "nobody is on shift")
