"""The image in QEMU (`virt`, software emulation): the same card, the same U-Boot script, a console to wait on."""

import base64
import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hw.board import cables
from image import boot
from image.card import FIRMWARE_AT
from image.places import BuildError
from image.tools import Tools

BOOT_LOADER = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
CARD_SIZE = 4 << 30
MEMORY_MB = 1024
ENDS_S = 30.0
READY = r"hdu: ready, (\S+), slot ([AB]), release (\S+), (\d+) MB used"
MACHINE = (
    *("qemu-system-aarch64", "-M", "virt,acpi=off", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MB)),
    *("-nographic", "-nodefaults", "-serial", "stdio", "-bios", BOOT_LOADER),
    *("-device", "virtio-rng-pci", "-device", "qemu-xhci"),
)
QUICK = ("-accel", "tcg,thread=multi,tb-size=256")
STEADY = ("-accel", "tcg,thread=single,tb-size=256", "-icount", "shift=1,sleep=on")
"""STEADY: a second of the guest is 5 * 10^8 instructions of its, however little of this machine it gets: nothing in it
is late, and it says the same of its boot each time. QUICK takes what it can get, by this machine's clock."""


def card_slot(card: str) -> tuple[str, ...]:
    """The card (raw, or an overlay in qcow2) as the machine's disk; what the guest has flushed survives a kill."""
    kind = "qcow2" if card.endswith(".qcow2") else "raw"
    drive = f"if=none,id=card,format={kind},cache=writeback,discard=unmap,file={card}"
    return ("-drive", drive, "-device", "virtio-blk-pci,drive=card")


def with_unit(work: Path, tools: Tools, text: str, also: str = "") -> None:
    """Has the card in `work` start a unit of the caller's, for tests: by the boot script, which no signature covers."""
    credential = base64.b64encode(text.encode()).decode()
    more = f"systemd.set_credential_binary=systemd.extra-unit.lab.service:{credential} systemd.wants=lab.service {also}"
    (work / "boot.scr").write_bytes(boot.script(work, tools, more=more))
    tools.run(work, "env", "MTOOLS_SKIP_CHECK=1", "mcopy", "-o", "-i", f"card.img@@{FIRMWARE_AT}", "boot.scr", "::/")


def network(forward: Sequence[tuple[int, int]] = (), uplinks: Sequence[str] = ("wired",)) -> tuple[str, ...]:
    """Cables (hw/board/cables.py); `forward` are ports of this machine's loopback into the guest, by the first."""
    return cables.network(uplinks, forward)


def fresh_card(card: Path, work: Path) -> Path:
    """A card of a usual size with the image on it, in the folder that the machine gets."""
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(card), str(work / "card.img")], check=True)
    os.truncate(work / "card.img", CARD_SIZE)
    return work / "card.img"


class Machine:
    """A running machine; leaving the block pulls its plug. `console` is all it has said."""

    def __init__(self, work: Path, tools: Tools, *extra: str, shown: bool = False, card: str = "card.img") -> None:
        self.work, self.tools, self.extra, self.shown = work, tools, (*card_slot(card), *extra), shown
        self.machine: tuple[str, ...] = (*MACHINE, *QUICK)
        self.console = ""
        self.began = 0.0

    def __enter__(self) -> "Machine":
        self.began = time.monotonic()
        command = self.tools.command(self.work, [*self.machine, *self.extra])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        self.pull_the_plug()

    def pull_the_plug(self) -> None:
        """SIGKILL to the whole of it: nothing is flushed by the guest. Its card is nobody's at the end."""
        inside = self._inside()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for each in inside:
            select.select([each], [], [], ENDS_S)
            os.close(each)

    def _inside(self) -> list[int]:
        """QEMU, where what was started only holds it; readable once it has let go of its files (pidfd_open(2))."""
        found: list[int] = []
        if self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for pid in children.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    found.append(os.pidfd_open(int(pid)))
        return found

    def read(self, for_s: float) -> bool:
        """What has come within `for_s`; False where the machine has ended."""
        assert self.process.stdout is not None
        if select.select([self.process.stdout], [], [], for_s)[0]:
            data = os.read(self.process.stdout.fileno(), 65536)
            self.console += (text := data.decode(errors="replace"))
            if self.shown:
                print(text, end="", flush=True)
            return bool(data)
        return self.process.poll() is None

    def until(self, pattern: str, bound_s: float, after: int = 0) -> re.Match[str]:
        """The first match of `pattern` past `after` characters; BuildError after `bound_s`, or at the machine's end."""
        ends = time.monotonic() + bound_s
        while True:
            if found := re.search(pattern, self.console[after:]):
                return found
            if time.monotonic() > ends or not self.read(min(1.0, max(0.0, ends - time.monotonic()))):
                last = self.console.strip().splitlines()[-3:]
                raise BuildError(f"image: no {pattern!r} on the console within {bound_s:g} s; last: {' | '.join(last)}")

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began
