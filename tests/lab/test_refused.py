"""What RAUC refuses on the unit, from a web server, with its reason; the unit goes on as it was. And what it takes."""

import os
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab import bundles, rehearsal
from tests.lab.guest import Guest
from tests.lab.web import Shelf

pytestmark = pytest.mark.timeout(3600)
INSTALL_S = 600
UDEVD = "/sys/fs/cgroup/system.slice/systemd-udevd.service/udev"
AT_ONCE = """import os, socket
heard = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)  # NETLINK_KOBJECT_UEVENT (netlink(7))
heard.bind((0, 1))
os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
print("listens", flush=True)
while True:
    action, _, device = heard.recv(65536).partition(b"\\0")[0].decode(errors="replace").partition("@")
    if action == "change" and "/nbd" in device:
        try:
            os.close(os.open("/dev/" + device.rpartition("/")[2], os.O_RDONLY | os.O_NONBLOCK))
            print("opened", device, flush=True)
        except OSError as error:
            print(error, flush=True)
"""
"""What udev does with a disk it hears of, before anybody else has its turn."""


@pytest.fixture(scope="session")
def newer(tools: Tools) -> Path:
    """A release that differs in our Python alone."""
    return bundles.release("0.1.1", tools)


def install(up: Guest, shop: Shelf, bundle: Path) -> str:
    """What RAUC says of it."""
    if not (shop.folder / bundle.name).exists():
        os.link(bundle, shop.folder / bundle.name)
    shop.sent = 0
    return up.run(f"{rehearsal.INSTALL} {shop.of(bundle.name)}", INSTALL_S, may_fail=True)


def is_as_it_was(up: Guest) -> None:
    assert up.run("fw_printenv -n BOOT_ORDER").startswith("A")
    assert "rauc.slot=A" in up.run("cat /proc/cmdline")
    rehearsal.is_itself(up)


def test_another_signer(up: Guest, shop: Shelf, tools: Tools) -> None:
    said = install(up, shop, bundles.release("0.1.1", tools, signer=bundles.stranger(tools)))
    assert "signature verification failed" in said
    is_as_it_was(up)


def test_an_older_release(up: Guest, shop: Shelf, tools: Tools) -> None:
    """Older than what was proven here."""
    said = install(up, shop, bundles.release("0.0.9", tools))
    assert "Version mismatch" in said
    is_as_it_was(up)


def test_bytes_changed_in_what_must_be_fetched(up: Guest, shop: Shelf, newer: Path, tmp_path: Path) -> None:
    """All of it is damaged but the signed manifest and the tree of sums behind it: nothing that is fetched is whole."""
    bad = bundles.damaged(newer, tmp_path / "tampered.raucb", 4096, 64 << 20)
    said = install(up, shop, bad)
    assert "failed" in said.lower(), said
    is_as_it_was(up)


def test_a_download_that_ends_too_soon(up: Guest, shop: Shelf, newer: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.raucb"
    short.write_bytes(newer.read_bytes()[: newer.stat().st_size // 2])
    said = install(up, shop, short)
    assert "failed" in said.lower(), said
    is_as_it_was(up)


def test_a_full_data_partition_is_no_reason_to_lose_anything(up: Guest, shop: Shelf, newer: Path) -> None:
    """Whether it installs or refuses: what boots next is whole, and the unit is itself."""
    up.run("dd if=/dev/zero of=/data/full bs=1M; sync", 300, may_fail=True)
    said = install(up, shop, newer)
    up.run("rm /data/full; sync")
    rehearsal.is_itself(up)
    assert up.run("fw_printenv -n BOOT_ORDER")[0] == ("B" if "succeeded" in said else "A"), said


def test_what_changes_only_our_python_costs_a_tenth(up: Guest, shop: Shelf, newer: Path) -> None:
    said = install(up, shop, newer)
    whole = newer.stat().st_size
    print(
        f"\nadaptive: {shop.sent / 1e6:.1f} of {whole / 1e6:.1f} MB, {shop.sent / whole:.1%}, {shop.requests} requests"
    )
    assert "succeeded" in said, said
    assert shop.sent <= 0.10 * whole
    assert up.run("fw_printenv -n BOOT_ORDER") == "B A"


def test_udev_cannot_take_the_bundle_away_however_early_it_looks(up: Guest, shop: Shelf, newer: Path) -> None:
    """As a process of udev's that always comes before RAUC; in udev's place, with what udev may do."""
    up.run(f"cat > /run/at-once.py <<'EOF'\n{AT_ONCE}EOF")
    begin = f"echo 0 > {UDEVD}/cgroup.procs; exec python3 /run/at-once.py"
    up.run(f"({begin}) > /run/at-once 2>&1 & echo $! > /run/at-once.pid")
    up.run("until grep -q listens /run/at-once; do sleep 0.2; done", 60)
    said = install(up, shop, newer)
    looked = up.run("kill $(cat /run/at-once.pid); cat /run/at-once")
    assert "succeeded" in said, said
    assert "not permitted" in looked and "opened" not in looked, looked
