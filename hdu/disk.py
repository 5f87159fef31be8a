"""Which disk or file a word on the command line names; a disk that must not be written is refused in words."""

from collections.abc import Sequence
from pathlib import Path

from hdu.failure import Failure
from image.flash.disks import Disk


def target(word: str, known: Sequence[Disk], dev: Path = Path("/dev"), command: str = "hdu flash") -> tuple[Disk, Path]:
    """A removable disk by its name, or a file that stands for one; Failure where it must not be written."""
    path = Path(word)
    if path.is_file() and not path.is_symlink():
        return Disk(path.name, "file", path.stat().st_size, removable=True), path
    name = word.removeprefix("/dev/")
    for disk in known:
        if disk.name == name and not disk.refused:
            return disk, dev / name
        if disk.name == name:
            raise Failure(f"{command}: {name} is refused: {disk.refused}", status=2)
    raise Failure(f"{command}: {word} is no disk of this machine (a partition is not one); see: hdu flash", status=2)
