"""One slot: the root under dm-verity, and the boot partition that carries its kernel, its initrd and its root hash."""

import hashlib
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from image.fat import filled
from image.places import EPOCH, BuildError
from image.tools import Tools

BLOCK = 4096
BOOT_SIZE = 64 << 20
ROOT_LIMIT = 260_000_000
UUID = "48445531-0000-4000-8000-{:012d}"
Owned = Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Slot:
    """What a slot's two partitions get."""

    root: Path
    boot: Path
    root_hash: str


def archive(tree: Path, owned: Owned, at: Path) -> Path:
    """The tree as a sorted tar: everything root's and as open as its kind is, save what `owned` says otherwise.

    The root itself is its first member: mkfs.erofs makes one that it is not given 0777.
    """
    with tarfile.open(at, "w", format=tarfile.PAX_FORMAT) as out:
        for path in (tree, *sorted(tree.rglob("*"))):
            name = str(path.relative_to(tree))
            if name.startswith("boot/") or "/linux-image-" in name:
                continue
            member = out.gettarinfo(path, name)
            member.type = tarfile.REGTYPE if member.islnk() else member.type
            member.size = path.stat().st_size if member.isreg() else 0
            open_ = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.uid, member.gid, mode = owned.get(name, (0, 0, open_))
            member.mode = 0o777 if member.issym() else mode & 0o777
            member.uname = member.gname = ""
            member.mtime = EPOCH
            with path.open("rb") if member.isreg() else memoryview(b"") as content:
                out.addfile(member, content if member.isreg() else None)  # type: ignore[arg-type]
    return at


def root(work: Path, tools: Tools, tar: Path) -> tuple[Path, str, int]:
    """The erofs with its verity tree behind it; the root hash, and where the tree begins."""
    image = work / "root.img"
    image.unlink(missing_ok=True)
    seal = ("-T", str(EPOCH), "-U", UUID.format(1))
    tools.run(work, "mkfs.erofs", "--quiet", "-zlz4hc,9", *seal, "--tar=f", image.name, tar.name)
    _pad(image)
    offset = image.stat().st_size
    salt = hashlib.sha256(image.read_bytes()).hexdigest()
    words = ("veritysetup", "format", f"--salt={salt}", f"--uuid={UUID.format(2)}", f"--hash-offset={offset}")
    found = re.search(r"Root hash:\s+([0-9a-f]{64})", tools.run(work, *words, image.name, image.name))
    if found is None:
        raise BuildError("image: veritysetup named no root hash")
    _pad(image)
    if (size := image.stat().st_size) > ROOT_LIMIT:
        raise BuildError(f"image: the root has {size / 1e6:.0f} MB, the limit is {ROOT_LIMIT / 1e6:.0f}")
    return image, found[1], offset


def boot(work: Path, tools: Tools, kernel: bytes, initrd: bytes, root_hash: str, offset: int) -> Path:
    """`slot.env` names the root hash, and the sums by which the boot loader knows kernel and initrd to be whole."""
    sums = {**_sums("hdu_kernel", kernel), **_sums("hdu_initrd", initrd)}
    lines = [f"hdu_hash={root_hash}", f"hdu_offset={offset}", *(f"{name}={value}" for name, value in sums.items())]
    files = {"vmlinuz": kernel, "initrd.img": initrd, "slot.env": ("\n".join(lines) + "\n").encode()}
    return filled(work / "boot.vfat", BOOT_SIZE, "HDUBOOT", "48445502", files, tools)


def _sums(name: str, data: bytes) -> dict[str, str]:
    """CRC-32 as the words that U-Boot's `crc32` may leave in memory: the machine's own, or big-endian (`_be`)."""
    crc = zlib.crc32(data)
    return {name: f"{crc:08x}", f"{name}_be": f"{int.from_bytes(crc.to_bytes(4, 'big'), 'little'):08x}"}


def _pad(file: Path) -> None:
    with file.open("ab") as out:
        out.truncate((file.stat().st_size + BLOCK - 1) // BLOCK * BLOCK)
