"""The image with every twin around it, in one boot: a real press at the lines, a cable, the modem, the UPS."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hw.board import cables
from hw.board.board import SERIAL, Board
from image import build, given
from image.tools import Tools
from image.trying import IDENTITY
from tests.lab import guest as lab
from tests.lab.guest import Guest
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
BOUND_S = 120.0  # of an emulated machine: its modem is asked every ten seconds
ALERTS = "cd /var/lib/hdu/spool && cat *.alert"


@pytest.fixture(scope="module")
def guest(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    work = tmp_path_factory.mktemp("twins")
    built = build.build("0.1.0", None, lambda words: print(words, file=sys.stderr, flush=True))
    lab.fresh(built, work, tools)
    more = (*cables.network(cables.UPLINKS[1:]), *given.words(work, IDENTITY))
    with plugged(Guest(work, tools, *more, plugged=SERIAL)) as guest:
        guest.is_ready()
        yield guest.answers()


@pytest.fixture
def board(guest: Guest) -> Board:
    return guest.board


def eventually(look: Callable[[], Any], wanted: Any) -> None:
    ends = time.monotonic() + BOUND_S
    while (found := look()) != wanted:
        assert time.monotonic() < ends, f"{found!r}, not {wanted!r}, after {BOUND_S:g} s"
        time.sleep(0.2)


def status(guest: Guest) -> dict[str, Any]:
    """The unit's own status document, as soon as it has one."""
    eventually(lambda: guest.run("hdu status --json", may_fail=True).startswith("{"), True)
    found: dict[str, Any] = json.loads(guest.run("hdu status --json", may_fail=True))
    return found


def test_the_panel_at_rest_is_healthy(board: Board, guest: Guest) -> None:
    eventually(lambda: status(guest)["panel"]["faults"], [])
    assert status(guest)["panel"]["panic"] == "idle"
    assert guest.run("ls /var/lib/hdu/spool | grep -c alert", may_fail=True) == "0"


def test_a_press_at_the_lines_is_an_alert_on_disk_and_the_lamp_says_so(board: Board, guest: Guest) -> None:
    board.command("panel", {"button": "panic", "action": "press"})
    eventually(lambda: board.state("panel")["lamps"]["panic"], "fast")
    board.command("panel", {"button": "panic", "action": "release"})
    assert json.loads(guest.run(ALERTS))["kind"] == "panic"
    eventually(lambda: status(guest)["panel"]["faults"], [])


def test_a_pulled_cable_is_no_carrier(board: Board, guest: Guest) -> None:
    for uplink, interface in zip(cables.UPLINKS, ("eth0", "eth1", "wwan0"), strict=True):
        for there in (False, True):
            board.cable(uplink, there)
            eventually(lambda: guest.run(f"cat /sys/class/net/{interface}/carrier"), str(int(there)))  # noqa: B023


def test_the_modem_answers_and_loses_its_network(board: Board, guest: Guest) -> None:
    eventually(lambda: status(guest)["modem"]["registered"], True)
    assert status(guest)["modem"]["operator"] == "Lab Mobile"
    board.command("modem", {"registered": False})
    eventually(lambda: status(guest)["modem"]["registered"], False)
    board.command("modem", {"registered": True})


def test_the_ups_says_where_the_power_comes_from(board: Board, guest: Guest) -> None:
    eventually(lambda: status(guest)["power"]["source"], "mains")
    board.command("ups", {"mains": False})
    eventually(lambda: status(guest)["power"]["source"], "battery")
    board.command("ups", {"mains": True})
    eventually(lambda: status(guest)["power"]["source"], "mains")


def test_the_panel_is_at_rest_again_after_a_restart(board: Board, guest: Guest) -> None:
    """Last: a controller that is reset forgets what its lines were driven to."""
    at = len(guest.console)
    guest.run("sync; systemctl --no-block reboot")
    guest.is_ready(at)
    guest.answers()
    eventually(lambda: status(guest)["panel"]["faults"], [])
    assert json.loads(guest.run(ALERTS))["kind"] == "panic"
