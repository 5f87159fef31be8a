"""A unit in QEMU with a root shell that is the test's alone: on a virtio port, by a unit the boot script brings."""

import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hw.board.board import Board
from hw.board.monitor import MonitorError
from image import machine
from image.build import Built
from image.machine import READY, Machine
from image.places import BuildError
from image.tools import Tools

T = TypeVar("T")
BOOT_S = float(os.environ.get("HDU_BOOT_S", "900"))  # of software emulation, on a machine that does other things too
SHELL = """[Unit]
DefaultDependencies=no
After=systemd-udevd.service
[Service]
Type=exec
Restart=always
RestartSec=0.5
ExecStart=/bin/sh -c 'until set -- /dev/vport*p1 && test -e $$1; do sleep 0.5; done; exec /bin/sh <> $$1 >&0 2>&0'
"""
PORTS = (
    *("-device", "virtio-serial", "-chardev", "socket,id=shell,path=shell.sock,server=on,wait=off"),
    *("-device", "virtserialport,chardev=shell,name=shell"),
)
CARD, READY_DISK, READY_STATE = "card.qcow2", "ready.qcow2", "ready.state"


class Guest(Machine):
    """`run` runs a command in the guest; leaving the block pulls its plug, and the card stays as it then was.

    Its panel is at rest; `board` has its buttons, lamps and cables, what is `plugged` in, and QEMU's monitor.
    """

    def __init__(self, work: Path, tools: Tools, *extra: str, card: str = CARD, plugged: Sequence[str] = ()) -> None:
        self.board = Board(work, plugged)
        super().__init__(work, tools, *machine.network(), *PORTS, *self.board.words, *extra, card=card)
        self.machine = (*machine.MACHINE, *machine.STEADY)
        self._marks = itertools.count()

    def __enter__(self) -> "Guest":
        (self.work / "shell.sock").unlink(missing_ok=True)
        self.board.__enter__()
        super().__enter__()
        self.shell = self._within(60, self._connected)
        return self

    def _connected(self) -> socket.socket:
        found = socket.socket(socket.AF_UNIX)
        try:
            found.connect(str(self.work / "shell.sock"))
        except OSError:
            found.close()
            raise
        return found

    def _within(self, bound_s: float, attempt: Callable[[], T]) -> T:
        """What `attempt` answers as soon as QEMU is there for it."""
        ends = time.monotonic() + bound_s
        while True:
            try:
                return attempt()
            except (OSError, MonitorError) as error:
                if time.monotonic() > ends or not self.read(0.1):
                    raise BuildError(f"lab: QEMU does not answer within {bound_s:g} s: {error}") from error

    def asked(self, command: str, key: str, wanted: str, bound_s: float = 300) -> None:
        """Asks QEMU until `key` of the answer is `wanted`."""
        ends = time.monotonic() + bound_s
        while (now := self._within(60, lambda: self.board.execute(command)).get(key)) != wanted:
            if now == "failed" or time.monotonic() > ends:
                raise BuildError(f"lab: {command} says {key} {now}, not {wanted}, after {bound_s:g} s")
            self.read(0.05)

    def pull_the_plug(self) -> None:
        super().pull_the_plug()
        self.shell.close()
        self.board.__exit__(None, None, None)

    def run(self, command: str, bound_s: float = 120, may_fail: bool = False) -> str:
        """What it printed, in UTF-8; BuildError where it fails or takes longer."""
        mark = f"{next(self._marks)}-{os.urandom(4).hex()}"
        self.shell.sendall(f"({command}\n) 2>&1 < /dev/null; echo =$?={mark}\n".encode())
        said = self._heard(rf"(?s)(.*)=(\d+)={mark}\n", bound_s, command)
        if said[2] != "0" and not may_fail:
            raise BuildError(f"lab: {command!r} ended with {said[2]}: {said[1].strip()[-500:]}")
        return said[1].strip()

    def _heard(self, pattern: str, bound_s: float, what: str) -> re.Match[str]:
        """The console is read meanwhile, lest it fill up."""
        ends, data = time.monotonic() + bound_s, b""
        self.shell.settimeout(0.1)
        while time.monotonic() < ends and self.read(0):
            try:
                data += self.shell.recv(65536)
            except TimeoutError:
                continue
            if found := re.search(pattern, data.decode(errors="replace").replace("\r", "")):
                return found
        raise BuildError(f"lab: {what!r} did not end within {bound_s:g} s; it said: {data[-300:]!r}; {self.last()}")

    def last(self) -> str:
        return " | ".join(self.console.strip().splitlines()[-3:])

    def answers(self, bound_s: float = BOOT_S) -> "Guest":
        """As soon as the shell is there; what is written before it is there waits for it."""
        self.run("true", bound_s)
        return self

    def is_ready(self, after: int = 0) -> re.Match[str]:
        """The line by which the unit says that it is up, printed with what it says of its boot."""
        match = self.until(READY, BOOT_S, after)
        end = self.until("hdu: end of report", BOOT_S, after)
        print(f"\nready after {self.seconds:.0f} s of emulation\n{self.console[after:][match.start() : end.end()]}")
        return match


def fresh(built: Built, work: Path, tools: Tools) -> Path:
    """A card as flashed, with the shell on it, and an overlay that takes all that is written."""
    machine.fresh_card(built.card, work)
    machine.with_unit(work, tools, SHELL)
    return overlay(work, tools, "card.img")


def overlay(work: Path, tools: Tools, below: str, name: str = CARD) -> Path:
    kind = "qcow2" if below.endswith(".qcow2") else "raw"
    tools.run(work, "qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", kind, name)
    return work / name


def save(guest: Guest) -> None:
    """The guest as it is, to READY_STATE beside its card, which is then READY_DISK; the guest ends."""
    guest.board.execute("stop")
    guest.board.execute("migrate", uri=f"file:{READY_STATE}")
    guest.asked("query-migrate", "status", "completed")
    guest.board.execute("quit")
    guest.process.wait(60)
    (guest.work / CARD).rename(guest.work / READY_DISK)


def resumed(saved: Path, work: Path, tools: Tools, plugged: Sequence[str] = ()) -> Guest:
    """A guest that goes on from there with a card of its own; the saved one is only read."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("card.img", READY_DISK, READY_STATE):
        _at_hand(saved / name, work / name)
    overlay(work, tools, READY_DISK)
    return Guest(work, tools, "-incoming", f"file:{READY_STATE}", plugged=plugged)


def go_on(guest: Guest) -> Guest:
    """Once its memory is read; its clock is then set to now."""
    guest.asked("query-status", "status", "paused")
    guest.board.execute("cont")
    guest.extra = tuple(word for word in guest.extra if word != "-incoming" and not word.startswith("file:"))
    return at_the_time(guest.answers(120))


def at_the_time(guest: Guest) -> Guest:
    """Its clock goes by its own instructions, and would be behind."""
    guest.run(f"date -s @{time.time():.3f}")
    return guest


def another(work: Path, at: Path, tools: Tools) -> Path:
    """A second machine with a card of its own, as the first one's is."""
    at.mkdir(parents=True)
    for file in work.iterdir():
        if file.is_file():
            _at_hand(file, at / file.name)
    (at / CARD).unlink()
    overlay(at, tools, "card.img")
    return at


def _at_hand(file: Path, at: Path) -> None:
    try:
        os.link(file, at)
    except OSError:
        subprocess.run(["cp", "--sparse=always", str(file), str(at)], check=True)


def thrown_away(work: Path) -> None:
    """Disk space is what twenty machines take most of."""
    shutil.rmtree(work)


def raw(work: Path, tools: Tools, below: str = CARD) -> Path:
    """The card as one raw file, to be damaged or flashed; the overlay goes."""
    tools.run(work, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", below, "whole.img")
    for name in (below, "card.img"):
        (work / name).unlink()
    return (work / "whole.img").rename(work / "card.img")


def unplugged(saved: Path, work: Path, tools: Tools) -> Path:
    """The raw card of a unit that had been up when its plug was pulled."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("card.img", READY_DISK):
        _at_hand(saved / name, work / name)
    return raw(work, tools, READY_DISK)
