"""Which disks are written: shown, named on the command line, large enough, and meant."""

from collections.abc import Sequence
from pathlib import Path

from hdu.disk import target
from hdu.failure import Failure
from image.flash import disks
from image.flash.blockmap import BlockMap


def listing(found: Sequence[disks.Disk]) -> str:
    """The removable disks as lines: name, size, model, and why not where one may not be written."""
    if not found:
        return "no removable disk; put a card into the reader"
    return "\n".join(
        f"{disk.name:<8} {disk.size / 1e9:8.1f} GB  {disk.model}" + (f"  ({disk.refused})" if disk.refused else "")
        for disk in found
    )


def chosen(words: Sequence[str], blockmap: BlockMap) -> list[tuple[disks.Disk, Path]]:
    """Each disk that is named, and where; Failure where one is named twice, or too small for the image."""
    found = [target(word, disks.all_disks()) for word in words]
    if len({path.resolve() for _, path in found}) != len(found):
        raise Failure("hdu flash: one disk is named twice; name each once", status=2)
    small = [disk.name for disk, _ in found if disk.size < blockmap.size]
    if small:
        raise Failure(
            f"hdu flash: too small for {blockmap.size / 1e9:.1f} GB: {', '.join(small)}; take a larger one", 2
        )
    return found


def sure(these: Sequence[disks.Disk], mend: bool) -> bool:
    what = "These get the release anew, what they keep stays" if mend else "Everything on these is lost"
    print(f"{what}:\n{listing(these)}")
    return input("Type yes to go on: ").strip().lower() == "yes"
