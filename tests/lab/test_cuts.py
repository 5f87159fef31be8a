"""The plug pulled at any moment: of the first boot, and of an install. The card then boots, and the unit is itself.

QEMU is killed: what the guest had handed to its card stays, what it had not is lost. HDU_SEED repeats the moments.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab import bundles, guest, rehearsal
from tests.lab.guest import Guest
from tests.lab.virt import plugged
from tests.lab.web import Shelf

pytestmark = pytest.mark.timeout(7200)
SEED = int(os.environ.get("HDU_SEED", str(random.randrange(1 << 31))))
FIRST_BOOTS, INSTALLS = 10, 20


@pytest.fixture
def dice() -> Iterator[random.Random]:
    print(f"\nHDU_SEED={SEED}")
    yield random.Random(SEED)


def runs(machine: Guest, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        machine.read(0.02)


def test_ten_cuts_of_the_first_boot(blank: Path, tools: Tools, dice: random.Random) -> None:
    """Each on a blank card, between the kernel's start and the services' start: the data partition's making."""
    with plugged(Guest(guest.another(blank, blank.with_name("whole"), tools), tools)) as run:
        run.until("Starting kernel", 300)
        began = time.monotonic()
        run.answers()
        whole_s = time.monotonic() - began
    for number in range(FIRST_BOOTS):
        work = guest.another(blank, blank.with_name(f"first-{number}"), tools)
        with plugged(Guest(work, tools)) as run:
            run.until("Starting kernel", 300)
            runs(run, after_s := dice.uniform(0.0, 1.1 * whole_s))
        with plugged(Guest(work, tools)) as run:
            found = run.answers().run(
                "cat /data/machine-id; findmnt -n -o FSTYPE /data; grep -o rauc.slot=. /proc/cmdline"
            )
        identity, kind, slot = found.split()
        print(f"cut after {after_s:.1f} of {whole_s:.0f} s: then {kind}, {slot}, {identity[:8]}", flush=True)
        assert (len(identity), kind, slot) == (32, "ext4", "rauc.slot=A")
        guest.thrown_away(work)


def test_a_unit_whose_first_boot_was_cut_comes_up(blank: Path, tools: Tools, dice: random.Random) -> None:
    with plugged(Guest(blank, tools)) as run:
        run.until("making the data partition", 300)
        runs(run, dice.uniform(0.0, 2.0))
    with plugged(Guest(blank, tools)) as run:
        assert run.is_ready()[2] == "A"


def test_twenty_cuts_of_an_install(ready: Path, tools: Tools, shop: Shelf, tmp_path: Path, dice: random.Random) -> None:
    """A until the install is whole, then B; whichever it is starts, and the unit is itself."""
    newer = bundles.release("0.1.1", tools)
    os.link(newer, shop.folder / newer.name)
    command = f"{rehearsal.INSTALL} {shop.of(newer.name)}"
    with plugged(guest.resumed(ready, tmp_path / "whole", tools)) as run:
        began = time.monotonic()
        guest.go_on(run).run(command, 600)
        whole_s = time.monotonic() - began
    slots = [
        after_a_cut(ready, tmp_path / f"cut-{number}", tools, command, dice.uniform(0.5, 1.1 * whole_s))
        for number in range(INSTALLS)
    ]
    print(f"an install takes {whole_s:.0f} s; after the cuts: {' '.join(slots)}")
    assert set(slots) <= {"A", "B"}


def after_a_cut(ready: Path, work: Path, tools: Tools, command: str, after_s: float) -> str:
    """The slot that then started."""
    with plugged(guest.resumed(ready, work, tools)) as run:
        guest.go_on(run).run(f"systemd-run -q sh -c '{command}'")
        runs(run, after_s)
    with plugged(Guest(work, tools)) as run:
        slot = run.answers().run("sed 's/.*rauc.slot=\\(.\\).*/\\1/' /proc/cmdline")
        rehearsal.is_itself(run)
        order = run.run("udevadm wait --timeout=300 /dev/hdu-card && fw_printenv -n BOOT_ORDER", 330)
        assert order.startswith(slot)
    print(f"cut after {after_s:.1f} s: slot {slot}", flush=True)
    guest.thrown_away(work)
    return slot
