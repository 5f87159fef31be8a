"""A FAT partition as a file, filled without a mount, the same bits for the same content."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from image.places import EPOCH
from image.tools import Tools

SEALED = ("MTOOLS_SKIP_CHECK=1", f"SOURCE_DATE_EPOCH={EPOCH}")


def filled(at: Path, size: int, label: str, serial: str, files: Mapping[str, bytes], tools: Tools) -> Path:
    """`at`, of `size` bytes, with these files by their paths."""
    work = at.parent
    folder = work / f"{at.stem}.files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        os.utime(folder / name, (EPOCH, EPOCH))
    with at.open("wb") as out:
        out.truncate(size)
    tools.run(work, "mkfs.vfat", "--invariant", "-F", "32", "-s", "1", "-n", label, "-i", serial, at.name)
    for above in sorted({name.rpartition("/")[0] for name in files}):
        if above:
            tools.run(work, "env", *SEALED, "mmd", "-i", at.name, f"::/{above}")
        paths = [f"{folder.name}/{name}" for name in sorted(files) if name.rpartition("/")[0] == above]
        tools.run(work, "env", *SEALED, "mcopy", "-m", "-i", at.name, *paths, f"::/{above}")
    shutil.rmtree(folder)
    return at
