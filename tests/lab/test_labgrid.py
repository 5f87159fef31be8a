"""What drives the lab: the same strategy on our driver and on labgrid's own, with a card whose kernels are junk."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from labgrid import Environment
from pexpect import EOF

from image.machine import Machine
from image.tools import Tools
from tests.lab import virt, wall
from tests.lab.environment import VIRT, WALL, bench
from tests.lab.loader import Loader
from tests.lab.strategy import Status, UnitStrategy
from tests.lab.virt import VirtDriver

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=[VIRT, WALL], ids=lambda at: at.stem)
def unit(request: pytest.FixtureRequest, tools: Tools, tmp_path: Path) -> Iterator[UnitStrategy]:
    Loader(tools, tmp_path / "machine")
    yield from at_bench(request.param, tmp_path / "machine", tools)


def at_bench(at: Path, work: Path, tools: Tools) -> Iterator[UnitStrategy]:
    with wall.stands(work, tools) if at == WALL else nullcontext():
        target = Environment(str(at)).get_target()
        if at == VIRT:
            target.get_driver(VirtDriver).machine = Machine(work, tools)
        yield target.get_driver(UnitStrategy)
        target.cleanup()


def test_a_unit_is_switched_on_off_and_on_again(unit: UnitStrategy) -> None:
    """The card keeps what the loader wrote before the plug was pulled: a try is used up."""
    unit.transition("loader")
    assert unit.words() == ["A", "2"]
    unit.transition("off")
    assert unit.status is Status.off
    unit.transition("loader")
    assert unit.words() == ["A", "1"]


def test_a_state_that_is_past_is_reached_anew(unit: UnitStrategy) -> None:
    unit.transition("loader")
    unit.status = Status.up
    unit.transition("loader")
    assert unit.words() == ["A", "1"]


def test_what_is_typed_is_heard_by_the_machine(unit: UnitStrategy) -> None:
    """By QEMU's boot loader, which a key stops; else nobody's silence at a console would say anything."""
    unit.transition("off")
    unit.target.activate(unit.power)
    unit.power.on()
    unit.target.activate(unit.console)
    unit.console.expect("stop autoboot", timeout=60)
    unit.console.sendline("")
    unit.console.expect("=> ", timeout=60)


def test_two_machines_have_a_place_each_and_one_that_ends_says_so(tools: Tools, tmp_path: Path) -> None:
    first, second = (Machine(Loader(tools, tmp_path / name).work, tools) for name in ("first", "second"))
    with virt.plugged(first), virt.plugged(second):
        places = [bench().get_target(name).get_driver(VirtDriver) for name in virt.PLACES]
        assert [place.machine for place in places] == [first, second]
        places[1].expect("hdu: slot A", timeout=60)
        second.pull_the_plug()
        with pytest.raises(EOF):
            places[1].expect("hdu: slot B", timeout=60)
    assert not any(place.lit for place in places)
