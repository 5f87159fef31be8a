"""Which blocks of an image hold data, and what they hash to: the block map (bmap 2.0, as bmap-tools read it).

Ranges are at most RANGE_BYTES, so that each is checked against the map before one byte of it is written. The map is
what is signed (`image.flash.signature`): what it does not cover is never written.
"""

import hashlib
import os
import re
import xml.etree.ElementTree as xml
from pathlib import Path

import msgspec

BLOCK_BYTES = 4_096
RANGE_BYTES = 4 << 20
MAX_IMAGE_BYTES = 1 << 40
SHA256 = re.compile(r"[0-9a-f]{64}")


class BlockMapError(ValueError):
    """The map or its image is not as it must be; the message says what, where and what to do."""


class Range(msgspec.Struct, frozen=True):
    """Bytes [offset, offset + length) of the image and their SHA-256 in hex."""

    offset: int
    length: int
    sha256: str


class BlockMap(msgspec.Struct, frozen=True):
    """`size` is the image's length in bytes; what is in no range is a hole and is not written."""

    size: int
    ranges: tuple[Range, ...]

    @property
    def mapped(self) -> int:
        """Bytes to write."""
        return sum(each.length for each in self.ranges)


def make(image: Path) -> BlockMap:
    """The map of `image` by the holes its file has (lseek SEEK_DATA); BlockMapError where it is not whole blocks."""
    with image.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0 or size % BLOCK_BYTES:
            raise BlockMapError(f"{image}: {size} bytes is not a whole number of {BLOCK_BYTES}-byte blocks; pad it")
        ranges = []
        for start, end in _data(file.fileno(), size):
            for offset in range(start, end, RANGE_BYTES):
                data = os.pread(file.fileno(), min(RANGE_BYTES, end - offset), offset)
                ranges.append(Range(offset, len(data), hashlib.sha256(data).hexdigest()))
    return BlockMap(size, tuple(ranges))


def _data(file: int, size: int) -> list[tuple[int, int]]:
    """The extents with data, widened to whole blocks; those that then touch are one."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < size:
        try:
            start = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole to the end
            break
        at = os.lseek(file, start, os.SEEK_HOLE)
        start, at = start // BLOCK_BYTES * BLOCK_BYTES, -(-at // BLOCK_BYTES) * BLOCK_BYTES
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, at))
    return found


def text(made: BlockMap) -> bytes:
    """The map as a bmap 2.0 file. BmapFileChecksum is of the file with zeros in its place, as the format asks."""
    top = xml.Element("bmap", version="2.0")
    for name, value in {
        "ImageSize": made.size,
        "BlockSize": BLOCK_BYTES,
        "BlocksCount": made.size // BLOCK_BYTES,
        "MappedBlocksCount": made.mapped // BLOCK_BYTES,
        "ChecksumType": "sha256",
        "BmapFileChecksum": "0" * 64,
    }.items():
        xml.SubElement(top, name).text = f" {value} "
    blocks = xml.SubElement(top, "BlockMap")
    for each in made.ranges:
        first, last = each.offset // BLOCK_BYTES, (each.offset + each.length) // BLOCK_BYTES - 1
        span = str(first) if first == last else f"{first}-{last}"
        xml.SubElement(blocks, "Range", chksum=each.sha256).text = f" {span} "
    xml.indent(top)
    empty = b'<?xml version="1.0" ?>\n' + xml.tostring(top) + b"\n"
    return empty.replace(b"0" * 64, hashlib.sha256(empty).hexdigest().encode(), 1)


def parse(data: bytes, where: str) -> BlockMap:
    """The map in `data`; BlockMapError in words for anything else. Ranges are in order, none overlaps."""
    if b"<!" in data:  # no document types, entities or comments: none are needed and each is a way in
        raise BlockMapError(f"{where}: holds a declaration that no block map needs; make the map anew with hdu sign")
    try:
        top = xml.fromstring(data)
        made = BlockMap(_number(top, "ImageSize"), tuple(map(_range, top.iterfind("BlockMap/Range"))))
        block, kind = _number(top, "BlockSize"), (top.findtext("ChecksumType") or "").strip()
    except (xml.ParseError, ValueError, UnicodeError) as error:
        raise BlockMapError(f"{where}: is no block map ({error}); make it anew with hdu sign") from error
    if block != BLOCK_BYTES or kind != "sha256":
        raise BlockMapError(f"{where}: needs {BLOCK_BYTES}-byte blocks and sha256; make it anew with hdu sign")
    _check(made, where)
    return made


def _number(top: xml.Element, name: str) -> int:
    found = (top.findtext(name) or "").strip()
    if not re.fullmatch(r"[0-9]{1,18}", found):
        raise ValueError(f"{name} is {found[:20]!r}, not a number")
    return int(found)


def _range(found: xml.Element) -> Range:
    span = re.fullmatch(r"\s*([0-9]{1,15})(?:-([0-9]{1,15}))?\s*", found.text or "")
    digest = found.get("chksum", "")
    if not span or not SHA256.fullmatch(digest):
        raise ValueError(f"range {(found.text or '')[:40]!r} with checksum {digest[:70]!r}")
    first = int(span[1])
    last = int(span[2] or first)
    return Range(first * BLOCK_BYTES, (last - first + 1) * BLOCK_BYTES, digest)


def _check(made: BlockMap, where: str) -> None:
    end = 0
    for each in made.ranges:
        if each.offset < end or not 0 < each.length <= RANGE_BYTES:
            raise BlockMapError(
                f"{where}: the range at byte {each.offset} overlaps, is empty or is over {RANGE_BYTES} bytes; "
                "make the map anew with hdu sign"
            )
        end = each.offset + each.length
    if not made.ranges or not end <= made.size <= MAX_IMAGE_BYTES or made.size % BLOCK_BYTES:
        raise BlockMapError(f"{where}: its ranges and its image size {made.size} disagree; make it anew with hdu sign")
