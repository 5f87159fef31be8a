"""From Debian's packages and the checkout to a flashable card: each step in order, what can be kept is kept."""

import hashlib
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from image import boot, card, initrd, sbom, slot, unit_root, wheels
from image.debian import Debian, Package
from image.development import authority
from image.places import CHECKOUT, IMAGE, BuildError, alone, cache, content, key, names
from image.slot import Slot
from image.tools import Tools, allowed
from image.unpacking import Rules, unpacked

Told = Callable[[str], None]
MADE_OF = (
    *(IMAGE, CHECKOUT / "firmware", CHECKOUT / "hdu", CHECKOUT / "hw" / "modem"),
    *(CHECKOUT / file for file in wheels.BOTH_ENDS),
)


@dataclass(frozen=True)
class Ingredients:
    """Everything fetched and unpacked."""

    tools: Tools
    base: Path
    beside: Path
    packages: tuple[Package, ...]

    def key(self) -> str:
        return key(*(f"{each.name}={each.version}:{each.sha256}" for each in self.packages))


@dataclass(frozen=True)
class Built:
    """One finished image, in a folder of the cache named by what it is made of."""

    folder: Path
    version: str

    @property
    def card(self) -> Path:
        return self.folder / "card.img"

    @property
    def bill(self) -> Path:
        return self.folder / "sbom.cdx.json"

    @property
    def slot(self) -> Slot:
        words = (self.folder / "slot.txt").read_text().split()
        return Slot(self.folder / "root.img", self.folder / "boot.vfat", words[0])


def tools(told: Told) -> Tools:
    """The programs alone, for what needs no image."""
    allowed()
    (cache() / "roots").mkdir(parents=True, exist_ok=True)
    host = Debian(host_architecture())
    if why := host.refresh():
        told(why)
    return Tools(unpacked(host.fetch(names("tools.txt")), cache() / "roots", Rules()) / "tree")


def host_architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def gathered(told: Told) -> Ingredients:
    """Fetches and unpacks; nothing twice."""
    told("the programs that build")
    programs = tools(told)
    told("the unit's packages")
    debian = Debian("arm64")
    if why := debian.refresh():
        told(why)
    packages = debian.fetch(names("unit.txt"), frozenset(names("left-out.txt")))
    rules = Rules(names("paths-left-out.txt"), names("paths-kept.txt"))
    base = unpacked(packages, cache() / "roots", rules)
    beside = debian.fetch_alone(names("beside.txt"))
    return Ingredients(programs, base, unpacked(beside, cache() / "roots", Rules()), (*packages, *beside))


def build(
    version: str,
    authority_pem: Path | None,
    told: Told,
    again: bool = False,
    updates_root: Path | None = None,
    over: Mapping[str, bytes] = MappingProxyType({}),
) -> Built:
    """The image of this checkout; from the cache where it is made of the very same (`again`: made all the same).

    `authority_pem` says who may sign bundles (None: the development authority), `updates_root` is the update
    repository's first root metadata, `over` are files laid over the root at the very end (tests break a release so).
    """
    began = time.monotonic()

    def tell(words: str) -> None:
        told(f"{time.monotonic() - began:6.1f} s  {words}")

    found = gathered(tell)
    signers = authority_pem or authority(found.tools) / "authority.pem"
    if not signers.exists():
        raise BuildError(f"image: {signers}: no such file; give the authority that signs your releases (PEM)")
    if updates_root and not updates_root.exists():
        raise BuildError(f"image: {updates_root}: no such file; give the repository's 1.root.json")
    made_of = key(version, found.key(), content(*MADE_OF), (CHECKOUT / "requirements.lock").read_bytes())
    laid = {"etc/rauc/authority.pem": signers.read_bytes(), **over}
    if updates_root:
        laid["usr/share/hdu/root.json"] = updates_root.read_bytes()
    name = key(made_of, *(part for each in sorted(laid.items()) for part in each))
    folder, work = cache() / "built" / name, cache() / "work" / name
    with alone(folder):
        if folder.exists() and not again:
            tell(f"made before of the very same: {folder}")
            return Built(folder, version)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        _make(found, work, version, laid, tell)
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    tell(f"done: {folder}")
    return Built(folder, version)


def _make(found: Ingredients, work: Path, version: str, laid: Mapping[str, bytes], tell: Told) -> None:
    run = found.tools
    tell("root: files, users, services, Python")
    tree = unit_root.made(found.base, found.beside, run, work, version)
    for place, data in laid.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_bytes(data)
    tell("initrd")
    first = initrd.made(tree, work, run)
    tell("root: erofs and its verity tree")
    archive = slot.archive(tree, unit_root.ownership(found.base, tree), work / "root.tar")
    image, root_hash, offset = slot.root(work, run, archive)
    tell("boot partition and card")
    kernel = (tree / "boot" / f"vmlinuz-{unit_root.kernel_of(tree)}").read_bytes()
    started = slot.boot(work, run, kernel, first.read_bytes(), root_hash, offset)
    card.written(
        work / "card.img", boot.firmware(found.beside / "tree", tree, work, run), Slot(image, started, root_hash)
    )
    (work / "slot.txt").write_text(f"{root_hash} {offset}\n")
    bill = sbom.document(version, found.packages, wheels.wanted(), sha256(work / "card.img"))
    (work / "sbom.cdx.json").write_text(bill)
    for name in ("root", "root.tar", "initrd.cpio", "initrd.img", "firmware.vfat", "boot.cmd", "boot.scr"):
        path = work / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
