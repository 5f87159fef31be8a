"""The whole image in QEMU: how it comes up, what it takes, what can be written, and who listens."""

import re
import time
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab import strangers
from tests.lab.guest import Guest
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
MEMORY_MB = 350
SCAN = ("org.freedesktop.ModemManager1", "ScanDevices")
HEARS = 'import socket; s = socket.socket(2, 2); s.bind(("", 7777)); print(s.recv(100))'
OURS = r"hdu-\S+\.service"


def test_the_first_boot_and_the_second_are_the_same_unit(blank: Path, tools: Tools) -> None:
    """Every service is up, and what each of them took of the boot is printed; no boot costs a try."""
    found = []
    for _ in range(2):
        with plugged(Guest(blank, tools)) as run:
            match = run.is_ready()
            assert match.group(1, 2) == ("running", "A")
            assert int(match[4]) <= MEMORY_MB
            run.run("until [ $(fw_printenv -n BOOT_A_LEFT) = 3 ]; do sleep 1; done", 300)
            found.append(run.run("cat /etc/machine-id"))
            print(run.run("systemd-analyze critical-chain --no-pager; free -m"))
            started = run.run("systemctl list-units 'hdu-*' --plain --no-legend --no-pager")
            assert len(re.findall(rf"(?m)^{OURS}\s+loaded\s+active\s+running", started)) >= 12, started
    assert found[0] == found[1]
    assert re.fullmatch("[0-9a-f]{32}", found[0])


def test_nothing_of_the_root_can_be_written(up: Guest) -> None:
    said = up.run("for at in / /usr /etc /usr/lib/hdu; do touch $at/x; done", may_fail=True)
    assert len(re.findall("Read-only file system", said)) == 4, said
    mounted = [line.split() for line in up.run("findmnt -l -n -o TARGET,VFS-OPTIONS -t ext4").splitlines()]
    writable = [target for target, options in mounted if "rw" in options.split(",")]
    kept = [line.split()[1] for line in up.run("grep -v '^#' /usr/lib/hdu/writable").splitlines() if line]
    assert sorted(writable) == sorted(["/data", *(f"/{place}" for place in kept)])


def test_nobody_logs_in_and_nothing_gives_root(up: Guest) -> None:
    assert up.run("pgrep -a agetty; pgrep -a login; true") == ""
    assert up.run("grep -v ':[!*]' /etc/shadow; true") == ""
    assert up.run("find / -xdev -perm /6000; true") == ""
    assert up.run("find / -xdev -perm /022 ! -type l ! -perm -1000; true") == ""


def test_modemmanager_does_what_networkmanager_asks_of_it_and_nobody_else(up: Guest) -> None:
    """It starts with polkit alone, and lets nobody control a modem without: no LTE on a unit that has none."""
    asked = " ".join(["busctl call org.freedesktop.ModemManager1 /org/freedesktop/ModemManager1", *SCAN])
    up.run(asked)
    said = up.run(f"setpriv --reuid=hdu-modem --regid=hdu --clear-groups {asked}", may_fail=True)
    assert "denied" in said


def test_nothing_listens_where_a_stranger_could_ask(up: Guest) -> None:
    """Every listening socket, by its address."""
    print("", found := strangers.listening(up), up.run("ss -Hltunp"), sep="\n")
    assert [each for each in found if not strangers.OWN_NEEDS.search(each.split()[1])] == []


def test_what_the_softphone_opens_hears_no_stranger_even_without_the_firewall(up: Guest) -> None:
    """Its resolver's sockets are open to every address; the same datagrams do reach a socket of nobody's."""
    sockets = up.run("ss -Hlunp | awk '/baresip/ && $4 ~ /^0/ { print $4 }'").split()
    ports = [int(each.rpartition(":")[2]) for each in sockets]
    assert ports
    up.run("nft delete table inet strangers")
    up.run(
        f"(timeout 60 python3 -c '{HEARS}' > /run/heard 2>&1 &) ; until ss -Hlun | grep -q :7777; do sleep 0.1; done"
    )
    strangers.tells(up, 7777, 1)
    up.run("until grep -q HELLO /run/heard; do sleep 0.1; done", 30)
    for port in ports:
        before = strangers.drops(up, port)
        strangers.tells(up, port, 5)
        ends = time.monotonic() + 30
        while strangers.drops(up, port) < before + 5 and time.monotonic() < ends:
            up.read(0.1)
        assert strangers.drops(up, port) == before + 5
