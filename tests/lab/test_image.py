"""The whole image in QEMU: how it comes up, what it takes, what can be written, and who listens."""

import re
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab.guest import Guest

pytestmark = pytest.mark.timeout(3600)
MEMORY_MB = 350
OURS = r"hdu-\S+\.service"


def test_the_first_boot_and_the_second_are_the_same_unit(blank: Path, tools: Tools) -> None:
    """Every service is up, and what each of them took of the boot is printed; no boot costs a try."""
    found = []
    for _ in range(2):
        with Guest(blank, tools) as run:
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


def test_nothing_listens_where_a_stranger_could_ask(up: Guest) -> None:
    """Every listening socket, by its address."""
    lines = up.run("ss -Hltunp").splitlines()
    print("", *lines, sep="\n")
    assert [line for line in lines if not re.search(r"\s(127\.|\[::1\]|.*:(68|546)\s)", line)] == []
