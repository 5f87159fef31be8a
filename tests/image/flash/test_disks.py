"""Which disks are offered, over a sysfs tree as the kernel lays it out."""

from pathlib import Path

import pytest

from hdu.disk import target
from hdu.failure import Failure
from hdu.flash.choosing import listing
from image.flash import disks


class Machine:
    """A machine's /sys and /proc in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/block").mkdir(parents=True)
        (root / "proc/self").mkdir(parents=True)
        self.mounts: list[str] = []
        self.swap: list[str] = []
        self._tell()

    def disk(self, called: str, number: int, bus: str = "usb1/1-1", removable: bool = True, **device: str) -> Path:
        at = self.root / "sys/devices" / bus / "block" / called
        (at / "device").mkdir(parents=True)
        (at / "size").write_text("62333952\n")
        (at / "removable").write_text(f"{removable:d}\n")
        (at / "ro").write_text("0\n")
        (at / "dev").write_text(f"8:{number}\n")
        for key, value in device.items():
            (at / "device" / key).write_text(value + "\n")
        (self.root / "sys/block" / called).symlink_to(at)
        return at

    def partition(self, disk: Path, number: int) -> Path:
        at = disk / f"{disk.name}{number}"
        (at / "holders").mkdir(parents=True)
        (at / "partition").write_text(f"{number}\n")
        (at / "dev").write_text(f"{(disk / 'dev').read_text().strip()}{number}\n")
        return at

    def mount(self, number: str, source: str, point: str) -> None:
        self.mounts.append(f"36 35 {number} / {point} rw,noatime shared:1 - ext4 {source} rw")
        self._tell()

    def _tell(self) -> None:
        (self.root / "proc/self/mountinfo").write_text("\n".join(self.mounts))
        lines = ["Filename Type Size Used Priority", *(f"{each} partition 1 0 -2" for each in self.swap)]
        (self.root / "proc/swaps").write_text("\n".join(lines))

    def refused(self, name: str) -> str:
        return next(disk.refused for disk in disks.all_disks(self.root) if disk.name == name)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    system = made.disk("sda", 0, "pci0/ata1", removable=False, model="SSD")
    made.partition(system, 1)
    made.mount("8:01", "/dev/sda1", "/")
    made.disk("sdb", 1, vendor="Generic", model="SD Reader")
    return made


def test_only_removable_disks_are_shown_with_model_size_and_name(machine: Machine) -> None:
    shown = listing(disks.offered(machine.root))
    assert shown.split() == ["sdb", "31.9", "GB", "Generic", "SD", "Reader"]


def test_a_free_card_may_be_written(machine: Machine) -> None:
    found, path = target("/dev/sdb", disks.all_disks(machine.root))
    assert (found.name, path) == ("sdb", Path("/dev/sdb"))


def test_the_system_disk_is_refused_even_on_usb(machine: Machine) -> None:
    stick = machine.disk("sdc", 2)
    machine.partition(stick, 2)
    machine.mount("8:22", "/dev/sdc2", "/srv")
    machine.mount("8:22", "/dev/sdc2", "/")
    assert machine.refused("sdc") == machine.refused("sda") == "it is the system disk"
    with pytest.raises(Failure, match="sdc is refused: it is the system disk") as failure:
        target("sdc", disks.all_disks(machine.root))
    assert failure.value.status == 2


def test_anything_mounted_is_refused(machine: Machine) -> None:
    machine.partition(machine.root / "sys/block/sdb", 3)
    machine.mount("8:13", "/dev/sdb3", "/media/card")
    assert machine.refused("sdb") == "it is in use (/media/card); unmount it first"


def test_a_file_system_with_a_number_of_its_own_is_found_by_its_source(machine: Machine) -> None:
    machine.mount("0:40", "/dev/sdb", "/mnt")
    assert "in use (/mnt)" in machine.refused("sdb")


def test_swap_is_refused(machine: Machine) -> None:
    machine.partition(machine.root / "sys/block/sdb", 1)
    machine.swap.append("/dev/sdb1")
    machine.mount("0:1", "none", "/proc")
    assert "in use (swap)" in machine.refused("sdb")


def test_a_disk_under_lvm_luks_or_raid_is_refused(machine: Machine) -> None:
    part = machine.partition(machine.root / "sys/block/sdb", 1)
    (part / "holders" / "dm-0").mkdir()
    assert "something is built on it" in machine.refused("sdb")


def test_a_write_protected_card_says_so(machine: Machine) -> None:
    (machine.root / "sys/block/sdb/ro").write_text("1\n")
    assert "write-protected" in machine.refused("sdb")


def test_a_card_slot_on_the_board_is_removable_and_an_emmc_is_not(machine: Machine) -> None:
    machine.disk("mmcblk0", 8, "platform/mmc0", removable=False, type="SD", name="SC32G")
    machine.disk("mmcblk1", 9, "platform/mmc1", removable=False, type="MMC", name="eMMC")
    assert [disk.name for disk in disks.offered(machine.root)] == ["mmcblk0", "sdb"]
    assert machine.refused("mmcblk1") == "it is not removable"


def test_an_empty_reader_and_a_partition_are_no_disks(machine: Machine) -> None:
    (machine.root / "sys/block/sdb/size").write_text("0\n")
    assert listing(disks.offered(machine.root)).startswith("no removable disk")
    for word in ("sdb", "/dev/sda1", "nothing"):
        with pytest.raises(Failure, match="is no disk of this machine"):
            target(word, disks.all_disks(machine.root))
