"""A unit from outside: its plug and its console, and nothing else, so that it runs on a board on a bench too.

There the unit is what LG_ENV says; here the image in QEMU, held by labgrid's own drivers for plug and serial line.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from labgrid import Environment
from pexpect import TIMEOUT

from image import build, machine
from tests.lab import environment, wall
from tests.lab.conftest import told
from tests.lab.strategy import UnitStrategy

pytestmark = [pytest.mark.timeout(3600), pytest.mark.outside]
QUIET_S = 5.0
SHELL = re.compile(r"login:|[Pp]assword|uid=|[#$] ?$", re.MULTILINE)


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnitStrategy]:
    """Switched off again at the end."""
    if not environment.has("virt"):
        yield from until_off(environment.bench().get_target().get_strategy())
        return
    work = tmp_path_factory.mktemp("wall")
    machine.fresh_card(build.build("0.1.0", None, told).card, work)
    with wall.stands(work, build.tools(told)):
        yield from until_off(Environment(str(environment.WALL)).get_target().get_strategy())


def until_off(unit: UnitStrategy) -> Iterator[UnitStrategy]:
    yield unit
    unit.transition("off")


def answer(unit: UnitStrategy, line: str) -> str:
    """What the console says to it, until it has said nothing for QUIET_S."""
    unit.console.sendline(line)
    said, ends = b"", time.monotonic() + 10 * QUIET_S
    with suppress(TIMEOUT):
        while time.monotonic() < ends:
            said += unit.console.read(timeout=QUIET_S)
    return said.decode(errors="replace")


def test_it_comes_up_and_says_which_slot_and_release_it_is(unit: UnitStrategy) -> None:
    unit.transition("up")
    state, slot, release, used_mb = unit.words()
    print(f"{state}, slot {slot}, release {release}, {used_mb} MB used")
    assert state == "running"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", release)


def test_nobody_gets_a_shell_at_its_console(unit: UnitStrategy) -> None:
    unit.transition("up")
    said = [answer(unit, line) for line in ("", "root", "id", "\x03")]
    assert not any(SHELL.search(each) for each in said), said


def test_a_unit_whose_plug_is_pulled_comes_up_again_as_it_was(unit: UnitStrategy) -> None:
    unit.transition("up")
    before = unit.words()
    unit.transition("off")
    unit.transition("up")
    assert unit.words()[:3] == before[:3]
