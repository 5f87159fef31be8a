"""The self test as people run it: ASSIST and MUTE held together before a shift, `hdu selftest` on the technician's
bench; its result where the supervisor looks."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.bench.conftest import ROOT, Client

pytestmark = [pytest.mark.bench, pytest.mark.xdist_group("bench")]
HELD_S, TEST_S = 10.0, 60.0


def at_the_hub(bench: Client) -> Any:
    """What the supervisors' console has of the unit's last self test."""
    (unit,) = bench.get("/hub.json")["units"]
    return unit["selftest"] or {"at": "", "passed": None, "running": "", "reasons": []}


def held_together(bench: Client) -> None:
    for button in ("assist", "mute"):
        bench.post("/twin/panel", {"button": button, "action": "press"})
    try:
        bench.until("it runs", lambda: bench.get("/unit.json")["selftest"]["running"] == "all", HELD_S)
    finally:
        for button in ("assist", "mute"):
            bench.post("/twin/panel", {"button": button, "action": "release"})


def done(bench: Client, before: str) -> Any:
    """The result at the hub of the test that came after the one made at `before`."""
    bench.until("the hub has it", lambda: at_the_hub(bench)["at"] > before, TEST_S)
    return at_the_hub(bench)


def environment(bench: Client) -> dict[str, str]:
    """What `hdu` needs to speak to the bench."""
    lines = (bench.folder / "environment").read_text().splitlines()
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
    return {**os.environ, **{name: value.strip("'") for name, value in pairs}}


def hdu(bench: Client, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "hdu.cli", *arguments]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(bench), capture_output=True, text=True, timeout=TEST_S, check=False
    )
    return ended.returncode, ended.stdout


def test_two_buttons_held_five_seconds_test_the_unit_and_the_supervisor_sees_the_result(bench: Client) -> None:
    before, alerts = at_the_hub(bench)["at"], set(bench.open_alerts())
    held_together(bench)
    found = done(bench, before)
    assert found["reasons"] == [] and found["passed"] is True
    assert set(bench.open_alerts()) == alerts, "no assist was raised by holding it for the test"
    assert bench.get("/unit.json")["panel"]["mute"] == "live", "and the microphone is as it was"


def test_a_part_that_fails_is_named_in_words_in_json_and_by_the_exit_status(bench: Client) -> None:
    before = at_the_hub(bench)["at"]
    status, text = hdu(bench, "selftest", "--json")
    report = json.loads(text)
    assert (status, report["passed"]) == (0, True), report["reasons"]
    assert {"mute proof", "panel answers", "uplink lte", "spool", "battery", "clock discipline", "voice"} <= {
        part["part"] for part in report["parts"]
    }
    before = done(bench, before)["at"]
    bench.post("/twin/uplink/lte", {"blackhole": True})
    status, text = hdu(bench, "selftest")
    assert status == 1 and "NOT PASSED" in text and "The network line lte does not reach the centre" in text
    found = done(bench, before)
    assert found["passed"] is False and "lte" in " ".join(found["reasons"])


def test_the_power_of_the_bench_is_tested_and_not_on_a_shift(bench: Client) -> None:
    """The bench's calls are not an hour ago: the battery test says why it does not begin, and the rest is told."""
    status, text = hdu(bench, "selftest", "power")
    assert status == 0 and "power_supply is believed" in text
    assert "The battery test not begun: " in text and ("minutes ago" in text or "not charged" in text)
