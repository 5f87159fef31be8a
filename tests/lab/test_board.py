"""The board's twin on QEMU's own controllers, with no guest: what a driver would read, and what is plugged in."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hw.board.board import SERIAL, Board
from hw.board.lines import GPIOS
from hw.board.monitor import MonitorError
from hw.panel.pins import CONTACTS, pins
from image import machine
from image.machine import Machine
from image.tools import Tools
from tests.lab.virt import plugged

DATA = 0x0903_03FC  # all eight lines of the PL061 of `virt`, as its driver reads them
BOUND_S = 20.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    (tmp_path / "card.img").write_bytes(bytes(1 << 20))
    with Board(tmp_path, SERIAL) as board:
        yield board


@pytest.fixture
def run(board: Board, tools: Tools) -> Iterator[Machine]:
    with plugged(halted(board, tools)) as machine:
        eventually(lambda: read(board), {"panic_nc"})
        yield machine


def halted(board: Board, tools: Tools) -> Machine:
    return Machine(board.work, tools, "-S", *machine.network((), ("wired", "lte")), *board.words)


def read(board: Board) -> set[str]:
    """The contacts that are closed: their lines are low."""
    said = board.execute("human-monitor-command", **{"command-line": f"xp /1wx {DATA:#x}"})
    high = int(said.split()[-1], 16)
    return {name for name in CONTACTS if not high >> GPIOS.index(pins().contact[name].gpio) & 1}


def adapters(board: Board) -> list[str]:
    """The twins' adapters on the machine's USB."""
    said = board.execute("human-monitor-command", **{"command-line": "info usb"})
    return sorted(line.partition("ID: ")[2].rstrip("0123456789\r") for line in said.splitlines() if "ID: " in line)


def eventually(look: Callable[[], object], wanted: object) -> None:
    ends, found = time.monotonic() + BOUND_S, None
    while time.monotonic() < ends:
        try:
            if (found := look()) == wanted:
                return
        except MonitorError as error:
            found = error
        time.sleep(0.02)
    raise AssertionError(f"{found!r}, not {wanted!r}, after {BOUND_S:g} s")


def test_a_pressed_button_is_at_its_lines_also_after_a_reset(board: Board, run: Machine) -> None:
    board.command("panel", {"button": "panic", "action": "press"})
    eventually(lambda: read(board), {"panic_no"})
    board.execute("system_reset")
    eventually(lambda: read(board), {"panic_no"})
    board.command("panel", {"button": "panic", "action": "release"})
    eventually(lambda: read(board), {"panic_nc"})
    board.command("panel", {"line": "panic", "fault": "cut"})
    eventually(lambda: read(board), set())


def test_a_board_outlives_its_machine(board: Board, run: Machine, tools: Tools) -> None:
    run.pull_the_plug()
    with pytest.raises(MonitorError):
        board.cable("wired", False)
    with plugged(halted(board, tools)):
        eventually(lambda: read(board), {"panic_nc"})
        eventually(lambda: adapters(board), ["modem", "ups"])


def test_a_modem_that_restarts_is_plugged_in_anew(board: Board, run: Machine) -> None:
    eventually(lambda: adapters(board), ["modem", "ups"])
    board.command("modem", {"unplug": True})
    eventually(lambda: adapters(board), ["ups"])
    board.command("modem", {"unplug": False})
    eventually(lambda: adapters(board), ["modem", "ups"])


def test_a_cable_that_is_not_there_is_refused(board: Board, run: Machine) -> None:
    board.cable("wired", False)
    board.cable("wired", True)
    with pytest.raises(MonitorError, match="wired2-card"):
        board.cable("wired2", False)
    with pytest.raises(ValueError, match="wired, wired2, lte"):
        board.cable("red", False)
