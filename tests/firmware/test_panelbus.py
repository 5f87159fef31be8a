"""The panel on the bus and back: its file is its fact, its lamps show what was measured, and unknown is never good."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from firmware import bus, facts, kept
from firmware.buttons import lamps
from firmware.buttons.lamps import Request
from firmware.buttons.panelfiles import PanelFiles
from firmware.panelbus import request
from tests.firmware.conftest import Followed
from tests.firmware.hanging import saying
from tests.firmware.service_scene import Service, eventually, running

SAFE = facts.Readiness(safe=True, colour="green")


@pytest.mark.parametrize(
    ("state", "pattern"), [("live", "off"), ("muted", "on"), ("fault", "double"), (None, "double")]
)
def test_the_mute_lamp_shows_what_was_measured(state: facts.MuteState | None, pattern: str) -> None:
    assert request(facts.Headset(mute_state=state), SAFE).mute == pattern


def test_what_nobody_knows_is_never_shown_as_good() -> None:
    found = request(None, None)
    assert (found.mute, found.safe, found.mute_state) == ("double", "red", None)
    assert request(facts.Headset(muted=True), SAFE).mute == "double"  # commanded is not measured


@pytest.fixture
async def it(tmp_path: Path, private_bus: str) -> AsyncIterator[Service]:
    del private_bus
    settings = (
        f'[panel]\nlamps_stale_s = 1.0\nreread_s = 0.2\n[folders]\ndata = "{tmp_path}/data"\nrun = "{tmp_path}/run"\n'
    )
    (tmp_path / "unit.toml").write_text(settings)
    async with running(tmp_path, "firmware.panelbus") as made:
        yield made


@pytest.fixture
def panel(it: Service) -> PanelFiles:
    """The panel's side of the files."""
    return PanelFiles(it.folder / "data", it.folder / "run")


def shown(panel: PanelFiles) -> tuple[str, str, str | None]:
    found = panel.request(stale_s=60)
    return found.mute, found.safe, found.mute_state


async def test_the_panels_file_is_its_fact_on_the_bus(
    panel: PanelFiles, follow: Callable[[str, type], Followed]
) -> None:
    told = follow("Panel", facts.Panel)
    await eventually(lambda: told.now and told.now.faults, "a panel that has not started is a fault")
    fact = facts.Panel(panic="raised", mute="muted", lamps=facts.Lamps(panic="fast"))
    panel.tell(fact)
    await eventually(lambda: told.now == fact, "the fact as in the file")


async def test_remote_help_is_told_as_its_door_says_and_unknown_where_that_cannot_be_read(
    it: Service, follow: Callable[[str, type], Followed]
) -> None:
    told, file = follow("RemoteHelp", facts.RemoteHelp), it.folder / "run" / "remote-help.json"
    await eventually(lambda: told.now == facts.RemoteHelp(state="off"), "nobody is let in while there is no door")
    fact = facts.RemoteHelp(state="open", until="2026-11-22T10:30:00Z", who=("alice",))
    kept.replace(file, kept.seal(fact))
    await eventually(lambda: told.now == fact, "the door's own word")
    kept.replace(file, b'{"state": "op')
    await eventually(lambda: told.now == facts.RemoteHelp(), "what cannot be read is unknown")
    file.unlink()
    await eventually(lambda: told.now == facts.RemoteHelp(state="off"), "the door is gone")


@pytest.mark.parametrize(
    "torn", [b"", b'{"panic": "rai', b"\xff", b'{"faults": ["\x80"]}', b'{"panic": "maybe"}', b"[]"]
)
async def test_a_torn_file_is_refused_and_a_fault_and_the_next_whole_one_counts(
    panel: PanelFiles, it: Service, follow: Callable[[str, type], Followed], torn: bytes
) -> None:
    told = follow("Panel", facts.Panel)
    panel.tell(facts.Panel(panic="raised", mute="muted"))
    await eventually(lambda: told.now and told.now.mute == "muted", "the fact as in the file")
    (panel.run / "panel.json").write_bytes(torn)
    await eventually(lambda: told.now.faults == ("panel: its file cannot be read",), "a fault")
    assert (told.now.panic, told.now.mute) == ("raised", None)
    assert "panel.json refused" in it.words()
    panel.tell(facts.Panel(panic="delivered"))
    await eventually(lambda: told.now == facts.Panel(panic="delivered"), "the next whole one")
    assert it.alive()


async def test_a_panel_that_reads_no_contact_is_a_fault_until_it_does(
    panel: PanelFiles, follow: Callable[[str, type], Followed]
) -> None:
    told = follow("Panel", facts.Panel)
    panel.tell(facts.Panel(read=True, mute="live"))
    await eventually(lambda: told.now and told.now.read, "the fact as in the file")
    await eventually(lambda: told.now.faults == ("panel: its contacts are not read",), "it hangs")
    assert (told.now.read, told.now.mute) == (False, None)
    panel.is_read()
    await eventually(lambda: told.now == facts.Panel(read=True, mute="live"), "it reads again")


async def test_lamps_follow_the_facts_and_say_fault_when_their_service_goes(panel: PanelFiles, system_bus: Any) -> None:
    await eventually(lambda: shown(panel) == ("double", "red", None), "nobody knows anything yet")
    other = bus.connect()
    headset = bus.Export(other, "Headset", facts.Headset(mute_state="muted"))
    verdict = bus.Export(system_bus, "Readiness", SAFE)
    await headset.own()
    await verdict.own()
    await eventually(lambda: shown(panel) == ("on", "green", "muted"), "muted and safe")
    headset.set(facts.Headset(mute_state="live"))
    await eventually(lambda: shown(panel) == ("off", "green", "live"), "live")
    verdict.set(facts.Readiness(safe=False, colour="amber"))
    await eventually(lambda: shown(panel) == ("off", "amber", "live"), "amber")
    other.close()
    await eventually(lambda: shown(panel) == ("double", "amber", None), "the headset's service is gone")


async def test_a_blank_unit_says_with_its_safe_lamp_how_it_stands_with_its_card(it: Service, panel: PanelFiles) -> None:
    file = it.folder / "run" / lamps.PROVISIONING
    states: tuple[tuple[Literal["asked", "refused"], str], ...] = (("asked", "slow"), ("refused", "double"))
    for state, pattern in states:
        kept.replace(file, kept.seal(facts.Provisioning(state=state)))
        await eventually(lambda: panel.request(stale_s=60).safe_pattern == pattern, state)  # noqa: B023
        assert panel.request(stale_s=60).safe == "red"
    kept.replace(file, b'{"state": "done"}')
    await eventually(lambda: panel.request(stale_s=60).safe_pattern == "on", "what cannot be read says nothing")


async def test_a_request_that_holds_stays_fresh(panel: PanelFiles) -> None:
    file = panel.run / "lamps.json"
    os.utime(file, (0, 0))
    assert panel.request(stale_s=5) == lamps.Request()
    await eventually(lambda: file.stat().st_mtime > 0, "made fresh")


async def test_when_it_stops_or_fails_the_lamps_say_that_nobody_knows(
    panel: PanelFiles, it: Service, system_bus: Any
) -> None:
    headset = bus.Export(system_bus, "Headset", facts.Headset(mute_state="muted"))
    await headset.own()
    await eventually(lambda: shown(panel)[0] == "on", "muted")
    it.signal(15)
    assert await it.ended() == 0
    assert shown(panel) == ("double", "red", None)
    left = kept.read(panel.run / "lamps.json", Request)
    assert left == Request(mute="double", safe="red", mute_state=None)


async def test_a_verdict_of_a_service_that_hangs_is_red_within_two_seconds(it: Service, panel: PanelFiles) -> None:
    async with saying(it.folder, "Readiness", 'Readiness(safe=True, colour="green")') as readiness:
        await eventually(lambda: shown(panel)[1] == "green", "green")
        began = time.monotonic()
        readiness.signal(signal.SIGSTOP)
        await eventually(lambda: shown(panel)[1] == "red", "red")
        assert time.monotonic() - began < 2
        readiness.signal(signal.SIGCONT)
        await eventually(lambda: shown(panel)[1] == "green", "green again")
