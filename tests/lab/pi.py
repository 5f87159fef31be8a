"""QEMU's Raspberry Pi 3B: the U-Boot that a unit has, an SD card, and the Pi's device tree, none of which `virt` has.

It has no GPIO lines a test could move and no network, and it is slow: for the boot loader, and as a smoke test.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from image.build import Ingredients
from image.machine import CARD_SIZE, Machine
from image.tools import Tools

MACHINE = (
    *("qemu-system-aarch64", "-M", "raspi3b", "-nographic", "-nodefaults", "-serial", "null", "-serial", "stdio"),
    *("-kernel", "u-boot.bin", "-dtb", "pi.dtb"),
)
SD_CARD = ("-drive", "if=sd,format=raw,file=card.img")


@dataclass(frozen=True)
class Parts:
    """What the Pi's own firmware gives it: it is not emulated."""

    loader: bytes
    tree: bytes


def parts(of: Ingredients) -> Parts:
    (tree,) = of.base.glob("tree/usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")
    return Parts((of.beside / "tree/usr/lib/u-boot/rpi_arm64/u-boot.bin").read_bytes(), tree.read_bytes())


class Pi(Machine):
    """One with the card in `work`, which grows to a card's usual size."""

    def __init__(self, work: Path, tools: Tools, made_of: Parts) -> None:
        super().__init__(work, tools)
        self.machine, self.extra = MACHINE, SD_CARD
        (work / "u-boot.bin").write_bytes(made_of.loader)
        (work / "pi.dtb").write_bytes(made_of.tree)
        os.truncate(work / "card.img", CARD_SIZE)
