"""A blank card to a provisioned unit in QEMU, by the commands of docs/technician.md: nobody has a console on it."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hdu import cli
from hdu.provision.station import OnDisk
from hdu.provision.stick import GRANT, LABELS, REQUEST, SAYS, SITE
from image import machine
from image.boot import FIRMWARE
from image.build import Built
from image.card import FIRMWARE_AT, SIZE
from image.flash import release
from image.flash.fat import FirstPartition
from image.places import CHECKOUT
from image.tools import Tools
from tests.image.flash.conftest import signer
from tests.lab import guest
from tests.lab.enrolled import soon
from tests.lab.guest import Guest
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
CARD = "card.img"
UNIT, OTHER = "hdu-0042", "hdu-0666"
SCANNED = "hdu:unit={};panel=PNL-00317\n8944500102198304826\n+15550001234\n046d:0a8f\n"
STATE = "systemctl show -P {} provision.service"
BY_NM = "setpriv --reuid=hdu-uplinks --regid=hdu --clear-groups nmcli -t"
STARTS = ("boot.scr", "u-boot.bin", "config.txt", *FIRMWARE)
CUTS_S = (0.5, 3.0)  # a third start that does not come up would be the last of its slot's tries
PROFILES = {"hdu-standing", "lte", "wg-a", "wg-b", "wg-data", "wg-voice"}
MODES = {
    "": "2755 root hdu",
    "site.toml": "644 root hdu",
    "unit.toml": "644 root hdu",
    "probe.key": "640 root hdu",
    "keys.json": "600 root hdu",
    "tls/unit.key": "640 root hdu",
    "tls/unit.pem": "644 root hdu",
    "profiles/wg-a.nmconnection": "600 root hdu",
    "profiles/lte.nmconnection": "600 root hdu",
}


class Agency:
    """Its flash station and its authority; `hdu` is the command that a person types there."""

    def __init__(self, folder: Path, built: Built, tools: Tools) -> None:
        self.folder, self.tools, self.work = folder, tools, folder / "machine"
        self.card = self.work / CARD
        self.by = signer(folder / "signer")
        self.image = machine.fresh_card(built.card, folder / "release")
        os.truncate(self.image, SIZE)
        release.sign(self.image, self.by.certificate, str(self.by.key))
        names = (
            "--agency",
            "Riverside",
            "--helpline",
            "+1 555 000 9911",
            "--hub",
            "10.0.2.2",
            "--apn",
            "agency.example",
        )
        unit = ("--unit", str(CHECKOUT / "hw/board/identity/unit.toml"), "--to", str(folder / "site"))
        self.hdu("provision", "site", "--authority", str(folder / "agency"), *names, *unit)

    def hdu(self, *words: str) -> None:
        assert cli.main(words) == 0, words

    def labels(self, unit: str) -> str:
        (self.folder / unit).write_text(SCANNED.format(unit))
        return str(self.folder / unit)

    def flash(self) -> None:
        """A card of a usual size, blank, then with the image and what its unit is to become; then the lab's shell."""
        self.work.mkdir(exist_ok=True)
        with self.card.open("wb") as blank:
            blank.truncate(machine.CARD_SIZE)
        words = ("--authority", str(self.by.authority), "--log", str(self.folder), "--yes")
        identity = ("--site", str(self.folder / "site"), "--answers", self.labels(UNIT))
        self.hdu("flash", str(self.image), "--to", str(self.card), *words, *identity)
        machine.with_unit(self.work, self.tools, guest.SHELL)

    def sign(self) -> None:
        self.hdu("provision", "sign", str(self.card), "--authority", str(self.folder / "agency"))

    def start(self) -> Guest:
        return Guest(self.work, self.tools, card=CARD)

    def there(self) -> set[str]:
        return {name for name in (SITE, LABELS, REQUEST, GRANT, SAYS) if OnDisk(self.card).read(name) is not None}

    def says(self) -> str:
        return (OnDisk(self.card).read(SAYS) or b"").decode()

    def boots_from(self) -> dict[str, bytes | None]:
        """What U-Boot and the Pi's firmware read of the first partition."""
        return {name: FirstPartition(self.card).read(name, SIZE) for name in STARTS}

    def first_partition_is_whole(self) -> None:
        self.tools.run(self.work, "dd", f"if={CARD}", "of=p1", "bs=1M", f"skip={FIRMWARE_AT >> 20}", "count=60")
        print(self.tools.run(self.work, "fsck.vfat", "-n", "p1"))


@pytest.fixture
def agency(tmp_path: Path, built: Built, tools: Tools) -> Agency:
    made = Agency(tmp_path, built, tools)
    made.flash()
    return made


def ended(run: Guest) -> str:
    """How provision.service has ended, when it has."""
    run.answers().run(f'until test -n "$({STATE.format("ExecMainExitTimestamp")})"; do sleep 0.2; done', 300)
    print(run.run("journalctl -b -o cat --no-pager -t hdu-provision"))
    return run.run(STATE.format("Result"))


def lamp(run: Guest) -> str:
    """What the panel is asked to do with the safe lamp, once the panel's service has said it."""
    run.run("until grep -q safe_pattern /run/hdu/lamps.json; do sleep 0.2; done", 300)
    found = json.loads(run.run("cat /run/hdu/lamps.json"))
    return f"{found['safe']} {found['safe_pattern']}"


def is_provisioned(run: Guest) -> None:
    at = "/etc/hdu/"
    said = run.run(f"cd {at} && stat -c '%a %U %G' {' '.join(name or '.' for name in MODES)}").splitlines()
    assert dict(zip(MODES, said, strict=True)) == MODES
    assert run.run(f"ls {at}profiles").split() == sorted(f"{name}.nmconnection" for name in PROFILES)
    assert run.run("sed -n '1s/^name = //p' /etc/hdu/unit.toml") == f'"{UNIT}"'
    assert run.run("ls -A /var/lib/hdu/identity").split() == [".lock", "1", "current"]


def nothing_is_mounted(run: Guest) -> None:
    assert run.run("findmnt /run/stick", may_fail=True) == ""


def test_a_blank_card_becomes_a_provisioned_unit(agency: Agency) -> None:
    began = time.monotonic()
    with plugged(agency.start()) as run:
        assert ended(run) == "success"
        assert run.is_ready()[1] == "running"
        soon(run, "SAFE is red, slowly", lambda: lamp(run) == "red slow")
        nothing_is_mounted(run)
    assert agency.there() == {SITE, LABELS, REQUEST, SAYS}
    agency.sign()
    with plugged(agency.start()) as run:
        assert ended(run) == "success"
        assert run.is_ready()[1] == "running"
        is_provisioned(run)
        nothing_is_mounted(run)
        networkmanager_has_its_profiles(run)
        run.run(f'until hdu status --json | grep -q \'"unit":"{UNIT}"\'; do sleep 1; done', 180)
        print(f"\na blank card to a provisioned unit: {time.monotonic() - began:.0f} s of emulation")
        print(run.run("systemd-analyze blame --no-pager | grep -E 'provision|stick'"))
    assert agency.there() == {SAYS}
    assert f"{UNIT}: provisioned, number 1 of Riverside." in agency.says()
    agency.first_partition_is_whole()
    takes_nothing_from_a_card_any_more(agency)


def networkmanager_has_its_profiles(run: Guest) -> None:
    """Every profile that provisioning wrote is known to it, and what needs no modem is up."""
    count = f"{BY_NM} -f NAME connection show --active | grep -c -E '^(hdu-standing|wg-)'"
    run.run(f"until test $({count}) = {len(PROFILES) - 1}; do sleep 1; done", 180)
    said = run.run(f"{BY_NM} -f NAME,FILENAME,STATE connection show")
    print(f"\nNetworkManager:\n{said}")
    files = {line.split(":")[0] for line in said.splitlines() if ":/etc/hdu/profiles/" in line}
    assert files == PROFILES
    assert "10.79." in run.run("ip -4 addr show wg-data")


def takes_nothing_from_a_card_any_more(agency: Agency) -> None:
    """Whoever holds the card writes another identity there: it is not even looked at."""
    agency.hdu("provision", "prepare", str(agency.folder / "site"), str(agency.card), "--answers", agency.labels(OTHER))
    with plugged(agency.start()) as run:
        run.answers().run("until systemctl is-active multi-user.target; do sleep 0.5; done", 300)
        assert run.run(STATE.format("ConditionResult")) == "no"
        nothing_is_mounted(run)
        is_provisioned(run)
    assert agency.there() == {SITE, LABELS, SAYS}


def _bad_site(agency: Agency) -> None:
    OnDisk(agency.card).write(SITE, (agency.folder / "site").read_bytes().replace(b"[tunnels]", b"[tunnel]"))


def _bad_labels(agency: Agency) -> None:
    OnDisk(agency.card).write(LABELS, SCANNED.format(UNIT).replace("198304826", "198304827").encode())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_bad_site, "site-file.toml: Object contains unknown field"),
        (_bad_labels, "labels.txt: sim: 8944500102198304827"),
    ],
    ids=["site file", "labels"],
)
def test_what_is_refused_is_said_on_the_card(agency: Agency, spoil: Callable[[Agency], None], words: str) -> None:
    spoil(agency)
    with plugged(agency.start()) as run:
        assert ended(run) == "exit-code"
        assert run.run("ls -A /var/lib/hdu/identity") == ".lock"
        soon(run, "SAFE is red, twice a second", lambda: lamp(run) == "red double")
        nothing_is_mounted(run)
    assert agency.says().startswith("Not provisioned:\r\n")
    assert words in agency.says()


def test_the_plug_pulled_while_it_makes_its_request(agency: Agency) -> None:
    """Each time a little later: what the board starts from is untouched, and the next start goes on."""
    before = agency.boots_from()
    assert all(before.values())
    for after_s in CUTS_S:
        with plugged(agency.start()) as run:
            run.answers().run(f"while test $({STATE.format('ActiveState')}) = inactive; do sleep 0.1; done", 300)
            ends = time.monotonic() + after_s
            while time.monotonic() < ends and run.read(0.05):
                pass
        assert agency.boots_from() == before
    with plugged(agency.start()) as run:
        assert ended(run) == "success"
    assert agency.there() == {SITE, LABELS, REQUEST, SAYS}
    agency.sign()
