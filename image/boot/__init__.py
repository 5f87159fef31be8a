"""What the boot loader reads: its environment, the script that chooses the slot, and the partition they are on."""

import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from image.fat import filled
from image.places import BuildError
from image.tools import Tools

HERE = Path(__file__).parent
ENVIRONMENT_SIZE = 0x4000
ENVIRONMENT_AT = (1 << 20, (1 << 20) + (64 << 10))
FRESH = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}
WAIT_S = 600
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat")
SIZE = 60 << 20

DEFAULTS = re.compile(rb"(?:[A-Za-z_#]\w*=[^\0]*\0){8,}")
CLOSED = {"bootdelay": "-2", "boot_targets": "mmc", "stdin": "nulldev"}
OPEN = ("preboot", "dhcpuboot")


def settings(loader: bytes) -> dict[str, str]:
    """How the Pi's U-Boot starts, for `uboot.env` beside it: as it was made (its binary has the defaults), but that no
    key is heard, on no console, and that it looks for us on its card alone: not on USB, not in a stranger's network.
    Where it finds nothing there it begins anew, and has no prompt. BuildError where the binary has no defaults."""
    found = next((each[0] for each in DEFAULTS.finditer(loader) if b"bootcmd=" in each[0]), None)
    if found is None:
        raise BuildError("image: u-boot.bin has no default environment; is it another U-Boot than Debian's rpi_arm64?")
    values = dict(line.split("=", 1) for line in found.decode().rstrip("\0").split("\0"))
    anew = {"bootcmd": f"{values['bootcmd']}; sleep 60; reset"}
    return {name: value for name, value in (values | CLOSED | anew).items() if name not in OPEN}


def environment(values: Mapping[str, str] = FRESH) -> bytes:
    """One copy as `env import -c` takes it: CRC-32, then NAME=value, each ended by a zero byte, one more at the end."""
    text = b"".join(f"{name}={value}\0".encode() for name, value in values.items()) + b"\0"
    data = text.ljust(ENVIRONMENT_SIZE - 4, b"\xff")
    return struct.pack("<I", zlib.crc32(data)) + data


def parsed(block: bytes) -> dict[str, str] | None:
    """The values of one copy; None where its sum is wrong."""
    data = block[4:ENVIRONMENT_SIZE]
    if struct.unpack("<I", block[:4])[0] != zlib.crc32(data):
        return None
    lines = data[: data.find(b"\0\0")].split(b"\0")
    return dict(line.decode().split("=", 1) for line in lines)


def script(work: Path, tools: Tools, wait_s: int = WAIT_S, more: str = "") -> bytes:
    """boot.scr, for any board; `more` goes to the kernel's command line, for tests. mkimage seals no time of now."""
    text = "\n".join(line for line in (HERE / "boot.cmd").read_text().splitlines() if not line.lstrip().startswith("#"))
    text = text.replace("@WAIT_S@", str(wait_s)).replace("@MORE@", f" {more}" if more else "")
    (work / "boot.cmd").write_text(text + "\n")
    words = ("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-n", "hdu", "-d", "boot.cmd", "boot.scr")
    tools.run(work, "env", "SOURCE_DATE_EPOCH=0", *words)
    return (work / "boot.scr").read_bytes()


def firmware(beside: Path, root: Path, work: Path, tools: Tools) -> Path:
    """The first partition: the Pi's firmware, U-Boot, the device trees, our script, and the
    folder by which a blank unit is provisioned; no update touches it."""
    found = {name: (beside / "usr/lib/raspi-firmware" / name).read_bytes() for name in FIRMWARE}
    found["u-boot.bin"] = (beside / "usr/lib/u-boot/rpi_arm64/u-boot.bin").read_bytes()
    found["config.txt"] = (HERE / "config.txt").read_bytes()
    found["uboot.env"] = environment(settings(found["u-boot.bin"]))
    found["boot.scr"] = script(work, tools)
    found["provision/how.txt"] = (HERE / "how.txt").read_bytes().replace(b"\n", b"\r\n")
    for tree in sorted(root.glob("usr/lib/linux-image-*/broadcom/*.dtb")):
        found[tree.name] = tree.read_bytes()
    return filled(work / "firmware.vfat", SIZE, "HDUFW", "48445501", found, tools)
