"""The targets of the update repository as files: named by what is in them, and that is checked when they are copied."""

import hashlib
import shutil
from pathlib import Path

from tuf.api.metadata import TargetFile

from hub.updates.files import UpdatesError


def place(made: TargetFile, folder: Path) -> Path:
    """Where a target of the repository in `folder` is, or will be."""
    path = Path(made.path)
    return folder / "public/targets" / path.parent / f"{made.hashes['sha256']}.{path.name}"


def shelve(file: Path, made: TargetFile, folder: Path) -> None:
    """Copies `file` to its place; UpdatesError where it is no longer what `made` was made of."""
    at = place(made, folder)
    at.parent.mkdir(parents=True, exist_ok=True)
    new = at.with_name(f".{at.name}.new")
    shutil.copyfile(file, new)
    if hashlib.sha256(new.read_bytes()).hexdigest() != made.hashes["sha256"]:
        raise UpdatesError(f"{file}: changed while it was copied; stage it again")
    new.replace(at)
