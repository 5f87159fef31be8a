"""Packages into a folder, without a single script run, and who is to own what in it.

Nobody need be root: the folder belongs to whoever builds, and owners and modes are kept beside it for the one place
where they matter, the image.
"""

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from fnmatch import translate
from pathlib import Path

from image.debian import Package
from image.places import BuildError, key

Owners = dict[str, tuple[str, str, int]]  # path: user, group, mode
SET_ID = 0o6000


class Rules:
    """Which paths come: all but `left_out`, save `kept`."""

    def __init__(self, left_out: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self.text = repr((list(left_out), list(kept)))
        self._left_out, self._kept = _any(left_out), _any(kept)

    def wants(self, path: str) -> bool:
        return bool(self._kept.match(path)) or not self._left_out.match(path)


def _any(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def unpacked(packages: list[Package], into: Path, rules: Rules) -> Path:
    """The folder with all of them, below `into` and named by its content; made once."""
    name = key("2", rules.text, *(package.sha256 for package in packages))
    root = into / name
    if (root / "complete").exists():
        return root
    work = into / f"{name}.new"
    shutil.rmtree(work, ignore_errors=True)
    owners: Owners = {}
    (work / "tree").mkdir(parents=True)
    for package in packages:
        _unpack(package, work / "tree", rules, owners)
    (work / "owners.json").write_text(json.dumps(owners, sort_keys=True))
    (work / "complete").touch()
    shutil.rmtree(root, ignore_errors=True)
    return work.rename(root)


def _unpack(package: Package, tree: Path, rules: Rules, owners: Owners) -> None:
    command = ["dpkg-deb", "--fsys-tarfile", str(package.file)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as reader,
        tarfile.open(fileobj=reader.stdout, mode="r|") as archive,
    ):
        for member in archive:
            path = usr_merged(member.name)
            if path and (member.isdir() or rules.wants(path)):
                _place(archive, member, tree / path)
                owners[path] = (member.uname or "root", member.gname or "root", member.mode & ~SET_ID)
    if reader.returncode:
        raise BuildError(f"image: {package.file} cannot be unpacked; remove it and build again")


def usr_merged(name: str) -> str:
    """The path in a merged /usr (Debian's own since 12), without the leading ./"""
    path = name.removeprefix("./").strip("/")
    first = path.partition("/")[0]
    return f"usr/{path}" if first in ("bin", "sbin", "lib", "lib64") and path != first else path


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, at: Path) -> None:
    if member.isdir():
        if not at.is_symlink():
            at.mkdir(parents=True, exist_ok=True)
        return
    at.parent.mkdir(parents=True, exist_ok=True)
    at.unlink(missing_ok=True)
    if member.issym():
        at.symlink_to(member.linkname)
    elif member.islnk():
        shutil.copy2(at.parents[len(Path(usr_merged(member.name)).parts) - 1] / usr_merged(member.linkname), at)
    elif (content := archive.extractfile(member)) is not None:
        with at.open("wb") as out:
            shutil.copyfileobj(content, out)
        at.chmod(member.mode & 0o777 | 0o600)


def owners_of(root: Path) -> Owners:
    return {
        path: (user, group, mode)
        for path, (user, group, mode) in json.loads((root / "owners.json").read_text()).items()
    }


def prune(tree: Path) -> None:
    """Takes folders that are empty out, deepest first, so that what is left out leaves no trace."""
    for folder in sorted((path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink()), reverse=True):
        if not any(folder.iterdir()) and folder.is_relative_to(tree / "usr"):
            folder.rmdir()
