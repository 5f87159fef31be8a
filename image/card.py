"""The card as flashed: where everything is, with slot A filled and slot B empty; no loop device, no root.

1 MiB       the boot loader's environment, and its copy 64 KiB on
p1 FAT      the Pi's firmware, U-Boot, our boot script
p2, p3 FAT  kernel and initrd of slots A and B
p5, p6      roots of slots A and B
p7          data; made on the first boot, as large as the card lets it be. Its beginning is overwritten with words, so
            that a card which was another unit's is blank: no file system and no key of that one is found again
"""

import os
import struct
from pathlib import Path

from image.boot import ENVIRONMENT_AT, environment
from image.slot import BOOT_SIZE, Slot

MIB = 1 << 20
SECTOR = 512
SIGNATURE = 0x48445531
FAT, LINUX, EXTENDED = 0x0C, 0x83, 0x0F
ROOT_SIZE = 384 * MIB
SIZE = 1024 * MIB

FIRMWARE_AT = 4 * MIB
BOOT_AT = (64 * MIB, 128 * MIB)
EXTENDED_AT = 192 * MIB
ROOT_AT = (EXTENDED_AT + MIB, EXTENDED_AT + 2 * MIB + ROOT_SIZE)
DATA_AT = ROOT_AT[1] + ROOT_SIZE + MIB
BLANK = b"blank: made on the first boot\n".ljust(32) * 2048  # not zeros: those may become a hole, and be skipped


def entry(kind: int, start: int, size: int, base: int = 0, active: bool = False) -> bytes:
    """One line of a partition table (MBR), by sector and without cylinders; `start` counts from `base`."""
    where = ((start - base) // SECTOR, size // SECTOR)
    return struct.pack("<B3sB3sII", 0x80 if active else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", *where)


def table(*entries: bytes, signature: int = 0) -> bytes:
    return b"".join([bytes(440), struct.pack("<IH", signature, 0), b"".join(entries).ljust(64, b"\0"), b"\x55\xaa"])


def tables() -> dict[int, bytes]:
    """Every table by its place: the card's own, and one before each partition of the extended one."""
    logical = [(ROOT_AT[0], ROOT_SIZE), (ROOT_AT[1], ROOT_SIZE), (DATA_AT, SIZE - DATA_AT)]
    found = {
        0: table(
            entry(FAT, FIRMWARE_AT, 60 * MIB, active=True),
            entry(FAT, BOOT_AT[0], BOOT_SIZE),
            entry(FAT, BOOT_AT[1], BOOT_SIZE),
            entry(EXTENDED, EXTENDED_AT, SIZE - EXTENDED_AT),
            signature=SIGNATURE,
        )
    }
    for number, (start, size) in enumerate(logical):
        lines = [entry(LINUX, start, size, base=start - MIB)]
        if number + 1 < len(logical):
            after, length = logical[number + 1]
            lines.append(entry(EXTENDED, after - MIB, length + MIB, base=EXTENDED_AT))
        found[start - MIB] = table(*lines)
    return found


def written(at: Path, firmware: Path, slot: Slot) -> Path:
    """The card, with holes where nothing is."""
    parts = tables() | {place: environment() for place in ENVIRONMENT_AT} | {DATA_AT: BLANK}
    with at.open("wb") as out:
        out.truncate(SIZE)
        for place, content in parts.items():
            out.seek(place)
            out.write(content)
        for place, file in ((FIRMWARE_AT, firmware), (BOOT_AT[0], slot.boot), (ROOT_AT[0], slot.root)):
            _copy(file, out.fileno(), place)
    return at


def _copy(file: Path, out: int, place: int) -> None:
    """Only what is not zero, so that the card stays as small as what is on it."""
    with file.open("rb") as source:
        while block := source.read(MIB):
            if block.count(0) != len(block):
                os.pwrite(out, block, place)
            place += len(block)
