"""The kernel's drivers that a unit must have, each with all that it needs.

Most of the kernel's modules are left out by their paths, and a driver whose needs were left out with them is there and
does not load: depmod is silent about it, and so is everything but the headset that stays dumb.
"""

import lzma
import re
from collections.abc import Iterator
from pathlib import Path

from image.places import BuildError, names

NEEDS = re.compile(rb"(?:^|\0)depends=([^\0]*)")  # the module's own .modinfo


def check(modules: Path, wanted: list[str] | None = None) -> None:
    """BuildError where one of `wanted` (drivers.txt) or what it needs is not in `modules` (/usr/lib/modules/KERNEL)."""
    files = {_name(file.name): file for file in modules.rglob("*.ko*")}
    built_in = {_name(Path(line).name) for line in (modules / "modules.builtin").read_text().split()}
    for driver in names("drivers.txt") if wanted is None else wanted:
        for needed in _with_needs(_plain(driver), files):
            if needed not in files and needed not in built_in:
                raise BuildError(
                    f"image: {driver} needs the module {needed}, which is not there; name its path in paths-kept.txt"
                )


def _with_needs(driver: str, files: dict[str, Path]) -> Iterator[str]:
    waiting, seen = [driver], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting += _needs(files[name]) if name in files else []


def _needs(module: Path) -> list[str]:
    content = lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()
    found = NEEDS.search(content)
    return [_plain(each) for each in found[1].decode().split(",") if each] if found else []


def _name(file: str) -> str:
    return _plain(file.partition(".ko")[0])


def _plain(name: str) -> str:
    """As the kernel has it: it takes - and _ for the same."""
    return name.replace("-", "_")
