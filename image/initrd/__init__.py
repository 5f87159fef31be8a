"""The initrd: busybox, the tools that open the root and make the data partition, their libraries, and a few drivers."""

import lzma
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from image.initrd.cpio import Archive
from image.places import BuildError
from image.tools import WORK, Tools
from image.unit_root import kernel_of

HERE = Path(__file__).parent
PROGRAMS = ("veritysetup", "mke2fs", "e2fsck", "dumpe2fs", "sfdisk", "blockdev", "cryptsetup")
LIBRARIES = "usr/lib/aarch64-linux-gnu"
LOADER = "usr/lib/ld-linux-aarch64.so.1"


def made(root: Path, work: Path, tools: Tools) -> Path:
    """`work/initrd.img`, compressed with zstd; the same bits for the same root."""
    archive = Archive()
    archive.file("init", (HERE / "init").read_bytes(), 0o755)
    archive.file("data", (HERE / "data").read_bytes(), 0o644)
    archive.file("bin/busybox", (root / "usr/bin/busybox").read_bytes(), 0o755)
    programs = [_program(root, name) for name in PROGRAMS]
    for path in [*programs, *libraries(programs, tools, work), LOADER]:
        archive.file(path, (root / path).read_bytes(), 0o755)
    archive.link("lib", "usr/lib")
    archive.file("etc/mke2fs.conf", (root / "etc/mke2fs.conf").read_bytes(), 0o644)
    order = [_driver(archive, root, path) for path in drivers(root)]
    archive.file("modules.order", "".join(f"{path}\n" for path in order).encode(), 0o644)
    (work / "initrd.cpio").write_bytes(archive.bytes())
    tools.run(work, "zstd", "-q", "-f", "-12", "-T1", "initrd.cpio", "-o", "initrd.img")
    return work / "initrd.img"


def _program(root: Path, name: str) -> str:
    for folder in ("usr/sbin", "usr/bin"):
        if (root / folder / name).exists():
            return f"{folder}/{name}"
    raise BuildError(f"image: the initrd needs {name}, and no package of packages/unit.txt brings it")


def libraries(programs: list[str], tools: Tools, work: Path) -> list[str]:
    """Every shared library these need, by DT_NEEDED (System V ABI, dynamic linking)."""
    found: dict[str, None] = {}
    todo = list(programs)
    while todo:
        text = tools.run(work, "aarch64-linux-gnu-readelf", "-d", *(f"{WORK}/root/{path}" for path in todo))
        names = {f"{LIBRARIES}/{name}" for name in re.findall(r"\(NEEDED\).*\[(.+?)\]", text) if "ld-linux" not in name}
        todo = sorted(names - set(found))
        found |= dict.fromkeys(todo)
    return sorted(found)


def drivers(root: Path, wanted: Sequence[str] = ()) -> Iterator[str]:
    """The modules to load (`modules.txt`, or `wanted`), each after those it needs; none that is built in."""
    folder = root / "usr/lib/modules" / kernel_of(root)
    needs = dict(line.split(":", 1) for line in (folder / "modules.dep").read_text().splitlines())
    named = {Path(path).name.partition(".ko")[0].replace("_", "-"): path for path in needs}
    seen: dict[str, None] = {}
    for name in wanted or (HERE / "modules.txt").read_text().splitlines():
        path = named.get(name.replace("_", "-"))
        if path and not name.startswith("#"):
            seen |= dict.fromkeys([*reversed(needs[path].split()), path])
    return (f"usr/lib/modules/{folder.name}/{path}" for path in seen)


def _driver(archive: Archive, root: Path, path: str) -> str:
    """Unpacked, since the whole is compressed anyway."""
    name = "modules/" + Path(path).name.removesuffix(".xz")
    data = (root / path).read_bytes()
    archive.file(name, lzma.decompress(data) if path.endswith(".xz") else data, 0o644)
    return f"/{name}"
