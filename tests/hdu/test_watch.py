"""`hdu watch`: every uplink and every part in one picture."""

import io

import pytest
from rich.console import Console

from firmware import facts
from hdu.watch import picture


def drawn(status: facts.Status) -> str:
    recorder = Console(width=160, record=True, file=io.StringIO())
    recorder.print(picture(status))
    return recorder.export_text()


def status(*uplinks: facts.Uplink) -> facts.Status:
    return facts.Status(unit="hdu-0042", version="0", slot=None, at="2026-11-22T10:00:00.000Z", uplinks=uplinks)


def test_each_uplink_is_a_row_and_the_active_one_is_marked() -> None:
    wired = facts.Uplink(name="wired", kind="ethernet", state="down", loss=1.0, reason="cable out")
    lte = facts.Uplink(name="lte", kind="lte", state="up", active=True, rtt_ms=41.26, loss=0.031)
    lines = drawn(status(wired, lte)).splitlines()
    (first,) = [line for line in lines if "wired" in line]
    (second,) = [line for line in lines if "lte" in line]
    assert "down" in first and "cable out" in first and "100.0 %" in first and "▶" not in first
    assert "▶" in second and "41.3 ms" in second and "3.1 %" in second


@pytest.mark.parametrize("part", ["verdict", "headset", "power", "hub", "modem", "call"])
def test_every_other_part_is_below(part: str) -> None:
    assert part in drawn(status())


def test_what_is_unknown_is_shown_as_unknown() -> None:
    assert "unknown" in drawn(status(facts.Uplink(name="wired", kind="ethernet")))
