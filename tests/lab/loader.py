"""A card whose kernels are junk, for the boot loader alone: seconds a try."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from image import boot, card, slot
from image.fat import filled
from image.machine import Machine
from image.slot import Slot
from image.tools import Tools
from tests.lab import pi
from tests.lab.virt import plugged

WAIT_S, BOUND_S = 1, 60
JUNK = b"not a kernel".ljust(4096, b"\0")
EVENT = re.compile(
    r"hdu: (?:slot ([AB]), (\d) tries left after this one|slot ([AB]) did not start|(no slot starts)"
    r"|kernel or initrd of slot ([AB]) is damaged|environment at (0x\w+) is damaged|(no environment))"
)


@dataclass
class Loader:
    """One junk card and how it is changed."""

    tools: Tools
    work: Path
    parts: pi.Parts | None = None

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        files = {"boot.scr": boot.script(self.work, self.tools, WAIT_S)}
        if self.parts:
            files["uboot.env"] = boot.environment(boot.settings(self.parts.loader))
        firmware = filled(self.work / "firmware.vfat", boot.SIZE, "HDUFW", "48445501", files, self.tools)
        started = slot.boot(self.work, self.tools, JUNK, JUNK, "0" * 64, 4096)
        (self.work / "root.img").write_bytes(b"junk")
        self.card = card.written(self.work / "card.img", firmware, Slot(self.work / "root.img", started, "0" * 64))
        self.put(card.BOOT_AT[1], started.read_bytes())

    def machine(self) -> Machine:
        """Any number of them, one after another; with a Pi's parts a Pi."""
        return pi.Pi(self.work, self.tools, self.parts) if self.parts else Machine(self.work, self.tools)

    def put(self, at: int, data: bytes) -> None:
        with self.card.open("r+b") as out:
            out.seek(at)
            out.write(data)

    def damage(self, partition_at: int, marker: bytes) -> None:
        """Changes a byte of the file in that partition whose content begins with `marker`, the `last` such."""
        with self.card.open("r+b") as out:
            out.seek(partition_at)
            place = out.read(slot.BOOT_SIZE).rfind(marker)
            assert place >= 0
            out.seek(partition_at + place + 100)
            out.write(b"!")

    def without_script(self) -> None:
        """As on a first partition from which our script has been taken."""
        place = f"card.img@@{card.FIRMWARE_AT}"
        self.tools.run(self.work, "env", "MTOOLS_SKIP_CHECK=1", "mdel", "-i", place, "::/boot.scr")

    def environment(self, values: Mapping[str, str]) -> None:
        for at in boot.ENVIRONMENT_AT:
            self.put(at, boot.environment(values))

    def kept(self) -> list[dict[str, str] | None]:
        """Both copies as they are on the card."""
        data = self.card.read_bytes()
        return [boot.parsed(data[at : at + boot.ENVIRONMENT_SIZE]) for at in boot.ENVIRONMENT_AT]

    def happens(self, count: int) -> list[str]:
        """The first `count` things that the boot loader says of slots and environment, in a word each."""
        with plugged(self.machine()) as machine:
            while len(found := list(EVENT.finditer(machine.console))) < count:
                machine.until(EVENT.pattern, BOUND_S, after=found[-1].end() if found else 0)
        return [_word(match) for match in found[:count]]


def _word(match: re.Match[str]) -> str:
    tried, left, failed, none, damaged, copy, anew = match.groups()
    if tried:
        return f"{tried}{left}"
    words = {"failed": failed, "damaged": damaged, "copy": copy}
    said = next((f"{word} {value}" for word, value in words.items() if value), "")
    return said or ("none" if none else "anew" if anew else "?")
