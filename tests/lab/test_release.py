"""A release from central IT, taken by the unit's own updates service: proven and kept, or taken back with a reason.

TUF from a plain web server, RAUC over D-Bus, the restart, the proof: nothing is asked for but the look.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from image.tools import Tools
from tests.lab import bundles, rehearsal
from tests.lab.guest import BOOT_S, Guest
from tests.lab.web import Shelf

pytestmark = pytest.mark.timeout(5400)
INSTALL_S, BACK_S = 900.0, 900.0
MIDDLE_BYTES = 3 << 20  # its index has come, and some of what differs
NO_NETWORK = "[Service]\nType=exec\nExecStart=/usr/bin/sleep infinity\n"


@pytest.fixture
def probes(tmp_path: Path) -> Iterator[int]:
    with rehearsal.responder(tmp_path) as port:
        yield port


def offered(
    up: Guest,
    shop: Shelf,
    tools: Tools,
    probes: int,
    version: str,
    over: Mapping[str, bytes] = MappingProxyType({}),
    meanwhile: Callable[[Guest, Shelf], None] = lambda *_: None,
) -> None:
    """Published, followed, and installed: it returns when the unit restarts into it."""
    rehearsal.release(shop, bundles.release(version, tools, over), version)
    rehearsal.follow(up, shop, probes)
    rehearsal.until(up, "the hub answers", "Uplinks", "hub_silent", False, 300)
    rehearsal.look(up)
    rehearsal.until(up, "it is being installed", "Updates", "state", "installing", INSTALL_S)
    meanwhile(up, shop)
    up.until("hdu: starting slot B", INSTALL_S)


def halfway(up: Guest, shop: Shelf) -> None:
    """Returns when some of it has been fetched."""
    ends = time.monotonic() + INSTALL_S
    while shop.sent < MIDDLE_BYTES:
        assert time.monotonic() < ends, f"{shop.sent} bytes after {INSTALL_S:g} s"
        up.read(0.1)


def link_lost(up: Guest, shop: Shelf) -> None:
    """For ten seconds, in the middle of the download."""
    halfway(up, shop)
    up.board.cable("wired", False)
    before = shop.sent
    up.run("sleep 10")
    assert shop.sent <= before + (1 << 20), "the cable was not pulled"
    up.board.cable("wired", True)


def mains(up: Guest, on: bool) -> None:
    files = {f"{rehearsal.HERE}/power_supply/AC/uevent": rehearsal.MAINS.replace("ONLINE=1", f"ONLINE={int(on)}")}
    rehearsal.put(up, files)


def mains_lost(up: Guest, shop: Shelf) -> None:
    """In the middle of it: the install ends and nothing of it is booted. Then mains is back."""
    halfway(up, shop)
    mains(up, False)
    rehearsal.until(up, "it is broken off", "Updates", "reason", "on battery", 120)
    assert rehearsal.fact(up, "Updates", "state") == "waiting"
    assert up.run("fw_printenv -n BOOT_ORDER").split()[0] == "A"
    left = "ls /sys/block/nbd*/pid 2> /dev/null; dmsetup ls | grep -v ^root; findmnt -n /run/rauc/mnt/bundle"
    assert up.run(left, may_fail=True) == "", "something of RAUC's is left"
    assert rehearsal.fact(up, "Updates", "failed_version") in ("", None)
    mains(up, True)
    rehearsal.until(up, "mains is back", "Power", "source", "mains", 60)
    rehearsal.look(up)
    rehearsal.until(up, "it begins again", "Updates", "state", "installing", INSTALL_S)


def kept(up: Guest) -> None:
    """It has come up in B, has proven itself, and the unit is itself."""
    up.answers(BOOT_S)
    rehearsal.until(up, "it is proven", "Updates", "proven", True, 600)
    assert rehearsal.fact(up, "Updates", "booted") == "B"
    rehearsal.is_itself(up)


def failed(up: Guest, version: str) -> str:
    """Why it went back, as the old release says it; the unit is on A again, and itself."""
    after = up.console.index("hdu: starting slot B")
    up.until("hdu: starting slot A", BACK_S, after)
    up.answers(BOOT_S)
    rehearsal.until(up, "it says which", "Updates", "failed_version", version, 600)
    rehearsal.is_itself(up)
    assert rehearsal.fact(up, "Updates", "booted") == "A"
    said = rehearsal.fact(up, "Updates", "failed")
    print(f"\n{version}: {said}")
    return str(said)


def test_a_good_release_is_taken_over_a_link_that_comes_and_goes_proven_and_kept_and_no_older_one_after_it(
    up: Guest, shop: Shelf, tools: Tools, probes: int
) -> None:
    offered(up, shop, tools, probes, "0.1.1", meanwhile=link_lost)
    kept(up)
    assert "0.1.1" in up.run("cat /usr/lib/os-release")
    assert up.run("fw_printenv -n BOOT_B_LEFT") == "3"
    older = bundles.release("0.1.0", tools)
    (shop.folder / "older.raucb").hardlink_to(older)
    assert "Version mismatch" in up.run(f"{rehearsal.INSTALL} {shop.of('older.raucb')}", 120, may_fail=True)


def test_an_install_is_broken_off_by_the_battery_and_comes_whole_when_mains_is_back(
    up: Guest, shop: Shelf, tools: Tools, probes: int
) -> None:
    offered(up, shop, tools, probes, "0.1.5", meanwhile=mains_lost)
    kept(up)


def test_a_release_with_a_service_that_crashes_goes_back(up: Guest, shop: Shelf, tools: Tools, probes: int) -> None:
    offered(up, shop, tools, probes, "0.1.2", bundles.failing("hdu-recorder.service"))
    assert "Recorder" in failed(up, "0.1.2")


def test_a_release_whose_panel_does_not_answer_goes_back(up: Guest, shop: Shelf, tools: Tools, probes: int) -> None:
    offered(up, shop, tools, probes, "0.1.3", bundles.failing("hdu-panel@.service"))
    assert "the panel is not read" in failed(up, "0.1.3")


def test_a_release_that_has_no_network_goes_back(up: Guest, shop: Shelf, tools: Tools, probes: int) -> None:
    over = {"usr/lib/systemd/system/NetworkManager.service": NO_NETWORK.encode()}
    offered(up, shop, tools, probes, "0.1.4", over)
    assert "no uplink proves itself" in failed(up, "0.1.4")
