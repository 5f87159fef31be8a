"""The flash station's side of a card: what goes onto it before its first start, and where its folder is."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from hdu.disk import target
from hdu.failure import Failure
from hdu.provision.answers import Answers
from hdu.provision.stick import FOLDER, GRANT, LABELS, LONGEST_BYTES, REQUEST, SITE, Mounted, Stick, put
from image.card import MIB, SIGNATURE
from image.flash import disks
from image.flash.fat import FirstPartition

SIGNATURE_AT = 440  # in the first sector, as image.card has it


class OnDisk:
    """The folder on a disk that is not mounted, or in a file that stands for one."""

    def __init__(self, disk: Path) -> None:
        self.partition, self.where = FirstPartition(disk), f"{disk}: {FOLDER}"

    def read(self, name: str) -> bytes | None:
        return self.partition.read(f"{FOLDER}/{name}", LONGEST_BYTES)

    def write(self, name: str, content: bytes) -> None:
        self.partition.write(f"{FOLDER}/{name}", content)

    def remove(self, name: str) -> None:
        self.partition.remove(f"{FOLDER}/{name}")


def folder_of(word: str) -> Stick | None:
    """The folder of the card that `word` names: a disk, a card file, or where its first partition is mounted.

    None where it is some other file; Failure for a disk that must not be touched.
    """
    path = Path(word)
    if path.is_dir():
        return Mounted(path.parent if path.name == FOLDER else path)
    if path.is_file():
        return OnDisk(path) if is_card(path) else None
    if "/" in word.removeprefix("/dev/"):
        raise Failure(f"hdu provision: {word}: no such file; name a file, a card file, or a disk (see: hdu flash)", 2)
    return OnDisk(target(word, disks.all_disks(), command="hdu provision")[1])


def card(word: str) -> Stick:
    """The same where nothing but a card will do."""
    found = folder_of(word)
    if found is None:
        raise Failure(f"hdu provision: {word}: is no card of a unit; write the image to it first (hdu flash)", status=2)
    return found


def is_card(file: Path) -> bool:
    """Whether it is laid out as a unit's card."""
    with file.open("rb") as opened:
        first = opened.read(512)
    return file.stat().st_size > MIB and first[SIGNATURE_AT:][:4] == SIGNATURE.to_bytes(4, "little")


def labels(found: Answers) -> bytes:
    """The answers as `answers.collect` reads them back."""
    values: Mapping[str, str] = msgspec.to_builtins(found)
    return "".join(f"{field}={value}\r\n" for field, value in values.items() if value).encode()


def prepare(stick: Stick, site: bytes, found: Answers) -> None:
    """The card asks for this unit from its next start on; an answer to an older request goes."""
    for name in (GRANT, REQUEST):
        stick.remove(name)
    put(stick, SITE, site)
    put(stick, LABELS, labels(found))
