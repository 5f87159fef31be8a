"""A headset at the image's USB, by the kernel's own drivers: found, measured, muted and proven, pulled out and back.

The first that any part of it meets: usbguard, snd-usb-audio and its mixer, ALSA's dsnoop and dmix, evdev.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hw.board.board import Board
from image.tools import Tools
from tests.lab import guest as lab
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.hands import blinks_hz, finger
from tests.lab.rehearsal import fact, until
from tests.lab.virt import plugged

FAULT_HZ = 2.0  # two flashes a second (firmware/buttons/lamps.py)
pytestmark = pytest.mark.timeout(3600)
HEADSET = "busctl call org.homedispatch.Headset /org/homedispatch/Headset org.homedispatch.Headset1"
RESTARTS = "systemctl show -P NRestarts hdu-headset hdu-calls hdu-recorder hdu-status | sort -u"


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The saved unit with a headset plugged in."""
    work = tmp_path_factory.mktemp("headset") / "machine"
    with plugged(lab.resumed(ready, work, tools, plugged=("headset",))) as run:
        until(lab.go_on(run), "the headset is found", "Headset", "present", True, BOUND_S)
        yield run


@pytest.fixture
def board(unit: Guest) -> Iterator[Board]:
    """All well and not muted, and so again afterwards."""
    well(unit)
    yield unit.board
    well(unit)


def well(unit: Guest) -> None:
    unit.board.command("headset", {"heal": True, "room": True, "speaking": False})
    until(unit, "it is there", "Headset", "present", True, BOUND_S)
    if fact(unit, "Headset", "mute_state") != "live":
        pressed(unit)
    until(unit, "sound may pass", "Headset", "mute_state", "live", BOUND_S)


def pressed(unit: Guest) -> None:
    finger(unit, "mute", "press")
    unit.run("sleep 0.2")
    finger(unit, "mute", "release")


def seen(unit: Guest, name: str, wanted: object) -> Any:
    return soon(unit, f"{name} is {wanted!r}", lambda: unit.board.state("headset")[name] == wanted)


def test_it_is_let_in_found_by_its_identity_and_measured(unit: Guest, board: Board) -> None:
    assert fact(unit, "Headset", "name") == "Lab headset"
    assert unit.run("journalctl -b -u hdu-headset -o cat --no-pager | grep 'no udev here'", may_fail=True) == ""
    assert "Lab headset" in unit.run("cat /proc/asound/cards")
    soon(unit, "its level", lambda: fact(unit, "Headset", "level_dbfs") is not None)
    board.command("headset", {"speaking": True, "level_dbfs": -20})
    soon(unit, "speech", lambda: (fact(unit, "Headset", "level_dbfs") or -99) > -30)


def test_mute_turns_its_switch_is_proven_and_lights_the_lamp(unit: Guest, board: Board) -> None:
    board.command("headset", {"speaking": True})
    pressed(unit)
    until(unit, "it is proven", "Headset", "mute_state", "muted", BOUND_S)
    assert board.state("headset")["capture_switch"] is False
    soon(unit, "the lamp", lambda: board.state("panel")["lamps"]["mute"] == "on")
    assert board.state("headset")["capture_rms"] == 0.0


def test_a_switch_that_lies_is_a_fault_at_the_first_sound(unit: Guest, board: Board) -> None:
    board.command("headset", {"stuck_switch": True, "speaking": True})
    pressed(unit)
    until(unit, "the fault", "Headset", "mute_state", "fault", BOUND_S)
    assert blinks_hz(unit, "mute")[0] == pytest.approx(FAULT_HZ, rel=0.3)


def test_its_own_button_mutes_and_its_own_lamp_says_so(unit: Guest, board: Board) -> None:
    board.command("headset", {"button": "mute"})
    until(unit, "it is proven", "Headset", "mute_state", "muted", BOUND_S)
    seen(unit, "own_lamp", True)
    board.command("headset", {"button": "mute"})
    until(unit, "sound may pass", "Headset", "mute_state", "live", BOUND_S)
    seen(unit, "own_lamp", False)


def test_pulled_out_and_back_while_muted_it_is_muted_and_nothing_has_ended(unit: Guest, board: Board) -> None:
    before = unit.run(RESTARTS)
    pressed(unit)
    until(unit, "it is proven", "Headset", "mute_state", "muted", BOUND_S)
    board.command("headset", {"plugged": False})
    until(unit, "it is gone", "Headset", "present", False, BOUND_S)
    board.command("headset", {"plugged": True})
    until(unit, "it is proven anew", "Headset", "mute_state", "muted", BOUND_S)
    assert board.state("headset")["capture_switch"] is False
    assert unit.run(RESTARTS) == before


def test_a_tone_is_heard_in_the_ear(unit: Guest, board: Board) -> None:
    unit.run(f"{HEADSET} PlayTone s panic-taken")
    soon(unit, "the tone", lambda: (board.state("headset")["ear_rms"] or 0.0) > 0.001)
