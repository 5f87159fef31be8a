"""The whole image on QEMU's Raspberry Pi 3B: the Pi's U-Boot, SD card and device tree, which `virt` has not.

QEMU takes a Pi's watchdog that is started for one that has bitten, so systemd leaves it alone here. There is no network
and no panel: that loader, kernel, initrd, verity root and data partition go together on a Pi is shown, and no more.
"""

import pytest

from image import build, machine
from image.build import Built
from image.tools import Tools
from tests.lab import pi
from tests.lab.guest import SHELL
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
LOADED_S, UP_S = 120.0, 1800.0
NOTHING = SHELL.partition("ExecStart")[0] + "ExecStart=/usr/bin/true\nRestart=no\n"


@pytest.fixture
def unit(built: Built, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> pi.Pi:
    work = tmp_path_factory.mktemp("pi") / "machine"
    machine.fresh_card(built.card, work)
    machine.with_unit(work, tools, NOTHING, "systemd.watchdog_sec=0")
    return pi.Pi(work, tools, pi.parts(build.gathered(lambda _: None)))


def test_the_image_comes_up_on_a_pi_and_makes_its_data_partition(unit: pi.Pi) -> None:
    with plugged(unit) as run:
        run.until("hdu: slot A, 2 tries left", LOADED_S)
        run.until("hdu: starting slot A", LOADED_S)
        run.until("making the data partition", UP_S)
        found = run.until(machine.READY, UP_S)
        print(f"\n{found[0]} after {run.seconds:.0f} s of emulation")
        assert found[2] == "A"
