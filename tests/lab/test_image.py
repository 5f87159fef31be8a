"""The whole image in QEMU: first boot, identity, what listens, an update from A to B, and one that cannot boot."""

import functools
import http.server
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from image import build, bundle, card, machine
from image.build import Built
from image.development import authority
from image.machine import READY, Machine
from image.slot import BOOT_SIZE
from image.tools import Tools

pytestmark = pytest.mark.timeout(3600)
BOOT_S = float(os.environ.get("HDU_BOOT_S", "900"))  # of software emulation, on a machine that does other things too
LAB = """[Unit]
After=report.service NetworkManager.service
[Service]
Type=exec
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
ExecStart=/bin/sh -c '{script}'
"""
REPORT = "until systemctl is-system-running --wait; do test $? = 1 && break; done; "


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def built() -> Built:
    return build.build("0.1.0", None, told)


@pytest.fixture
def work(built: Built, tmp_path: Path) -> Path:
    machine.fresh_card(built.card, tmp_path / "machine")
    return tmp_path / "machine"


def booted(run: Machine, after: int = 0) -> re.Match[str]:
    """The line by which the unit says it is up, printed with what it says of its boot."""
    match = run.until(READY, BOOT_S, after)
    end = run.until("hdu: end of report", 120, after)
    print(f"\nready after {run.seconds:.0f} s of emulation\n{run.console[after:][match.start() : end.end()]}")
    return match


def test_the_first_boot_and_the_second_are_the_same_unit(work: Path, tools: Tools) -> None:
    script = "sleep 5; echo LAB id=$(cat /etc/machine-id); ss -Hltun | sed s/^/LAB-listens./; "
    script += (
        "grep -c . /proc/mounts; touch /usr/x 2>&1; touch /etc/x 2>&1; df -m /data | tail -n 1; echo LAB end; sync"
    )
    machine.with_unit(work, tools, LAB.format(script=script))
    found = []
    for _ in range(2):
        with Machine(work, tools, *machine.network()) as run:
            match = booted(run)
            assert match[2] == "A"
            run.until("LAB end", 120)
            found.append(run.until(r"LAB id=([0-9a-f]{32})", 1)[1])
            listens = re.findall(r"LAB-listens\.(.*)", run.console)
            assert len(re.findall("Read-only file system", run.console)) == 2
    assert found[0] == found[1]
    assert [line for line in listens if not re.search(r"\s(127\.|\[::1\]|.*:(68|546)\s)", line)] == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder on the web, for the guest at 10.0.2.2."""
    (tmp_path / "web").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield tmp_path / "web", web.server_address[1]
        web.shutdown()


def test_a_root_that_is_not_the_one_that_was_signed_gives_way_to_the_other_slot(work: Path, tools: Tools) -> None:
    """Slot B is a copy of A; then one block of A's root is another."""
    with (work / "card.img").open("r+b") as out:
        for here, there, size in (
            (card.BOOT_AT[0], card.BOOT_AT[1], BOOT_SIZE),
            (card.ROOT_AT[0], card.ROOT_AT[1], card.ROOT_SIZE),
        ):
            out.seek(here)
            data = out.read(size)
            out.seek(there)
            out.write(data)
        out.seek(card.ROOT_AT[0])
        out.write(os.urandom(1 << 20))
    with Machine(work, tools, *machine.network()) as run:
        assert booted(run)[2] == "B"
        assert run.console.count("hdu: starting slot A") == 3


def test_an_update_is_installed_booted_and_taken_back_when_nobody_marks_it_good(
    work: Path, tools: Tools, server: tuple[Path, int]
) -> None:
    folder, port = server
    newer = build.build("0.1.1", None, told)
    keys = authority(tools)
    bundle.made(
        newer.slot, "0.1.1", keys / "release.pem", str(keys / "release.key"), folder / "r.raucb", folder / "w", tools
    )
    script = (
        "if grep -q slot=A /proc/cmdline && ! test -e /data/lab; then touch /data/lab; sleep 20; "
        f"rauc install http://10.0.2.2:{port}/r.raucb && echo LAB installed; sync; systemctl reboot; "
        "else sleep 60; echo LAB reboot; systemctl reboot; fi"
    )
    machine.with_unit(work, tools, LAB.format(script=script))
    with Machine(work, tools, *machine.network()) as run:
        assert booted(run)[2] == "A"
        run.until("LAB installed", BOOT_S)
        for left in ("2", "1", "0"):
            at = len(run.console)
            run.until(rf"hdu: slot B, {left} tries left", BOOT_S, at)
            assert booted(run, at).group(2, 3) == ("B", "0.1.1")
        at = len(run.console)
        assert booted(run, at).group(2, 3) == ("A", "0.1.0")
