"""Which disks may be flashed, read from sysfs: removable ones, none that anything uses.

`root` is `/` but in tests. What is decided here is told to a person; the kernel is asked once more when the disk is
opened (O_EXCL on a block device fails while it is mounted or claimed, open(2)).
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

SECTOR_BYTES = 512  # the unit of /sys/block/*/size, whatever the disk's own sector is
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/home", "/var")


class Disk(msgspec.Struct, frozen=True):
    """One disk; `refused` is why it must not be written (empty: it may). `serial` is empty where it tells none."""

    name: str
    model: str
    size: int
    removable: bool
    serial: str = ""
    refused: str = ""


def all_disks(root: Path = Path("/")) -> list[Disk]:
    """Every disk of this machine that holds anything, by name."""
    used: dict[str, list[str]] = {}
    for number, point in _used(root):
        used.setdefault(number, []).append(point)
    found = sorted((root / "sys/block").iterdir(), key=lambda at: at.name)
    return [_disk(at, used) for at in found if _size(at) and _real(at)]


def offered(root: Path = Path("/")) -> list[Disk]:
    """What a technician is shown: removable disks only, those in use with the reason."""
    return [disk for disk in all_disks(root) if disk.removable]


def _disk(at: Path, used: dict[str, list[str]]) -> Disk:
    removable = _removable(at)
    mounted = {point for number in _numbers(at) for point in used.get(number, [])}
    make, model = _line(at / "device/vendor"), _line(at / "device/model") or _line(at / "device/name")
    return Disk(
        name=at.name,
        model=f"{make} {model}".strip(),
        size=_size(at),
        removable=removable,
        serial=_line(at / "device/serial") or _line(at / "device/cid"),
        refused=_refused(at, removable, mounted),
    )


def _refused(at: Path, removable: bool, mounted: set[str]) -> str:
    if any(point in SYSTEM for point in mounted):
        return "it is the system disk"
    if mounted:
        return f"it is in use ({', '.join(sorted(mounted))}); unmount it first"
    if any((part / "holders").is_dir() and any((part / "holders").iterdir()) for part in _parts(at)):
        return "something is built on it (LVM, LUKS or RAID); take that apart first"
    if not removable:
        return "it is not removable"
    return "it is write-protected; look at the card's switch" if _line(at / "ro") == "1" else ""


def _removable(at: Path) -> bool:
    """A card or a stick: the kernel says removable, or it hangs on USB, or is an SD card (an eMMC is soldered on)."""
    return _line(at / "removable") == "1" or "/usb" in str(at.resolve()) or _line(at / "device/type") == "SD"


def _used(root: Path) -> Iterator[tuple[str, str]]:
    """`major:minor` or device path -> where it is mounted (proc(5), mountinfo), and swap."""
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields, source = before.split(), after.split()[1]
        yield fields[2], fields[4]
        yield source, fields[4]  # a file system over several disks (btrfs) has a number of its own
    for line in (root / "proc/swaps").read_text().splitlines()[1:]:
        yield line.split()[0], "swap"


def _numbers(at: Path) -> Iterator[str]:
    for part in _parts(at):
        yield _line(part / "dev")
        yield f"/dev/{part.name}"


def _parts(at: Path) -> list[Path]:
    return [at, *(each.parent for each in at.glob("*/partition"))]


def _size(at: Path) -> int:
    return int(_line(at / "size") or 0) * SECTOR_BYTES


def _real(at: Path) -> bool:
    """Loop, RAM and mapped devices are no disks."""
    return (at / "device").exists()


def _line(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
