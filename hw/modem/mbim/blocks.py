"""IP datagrams in blocks, as the bulk pipes carry them: NTB-16 (CDC NCM 1.0, section 3) with MBIM's IPS (MBIM 1.0, 7).

Pure. A block that is not one is no datagram, as a modem drops it.
"""

import struct
from collections.abc import Iterator

HEADER, POINTER = struct.Struct("<4sHHHH"), struct.Struct("<3sBHH")  # NTH16; NDP16 without its entries
ENTRY = struct.Struct("<HH")
LONGEST = 16_384
DIVISOR = 4
PARAMETERS = struct.pack("<HHIHHHHIHHHH", 28, 1, LONGEST, DIVISOR, 0, DIVISOR, 0, LONGEST, DIVISOR, 0, DIVISOR, 0)
"""What GET_NTB_PARAMETERS is answered (NCM 1.0, table 6-3)."""


def packed(datagram: bytes, sequence: int) -> bytes:
    """A block with one datagram, of session 0."""
    at = HEADER.size + POINTER.size + 2 * ENTRY.size
    head = HEADER.pack(b"NCMH", HEADER.size, sequence & 0xFFFF, at + len(datagram), HEADER.size)
    pointer = POINTER.pack(b"IPS", 0, POINTER.size + 2 * ENTRY.size, 0)
    return head + pointer + ENTRY.pack(at, len(datagram)) + ENTRY.pack(0, 0) + datagram


def datagrams(block: bytes) -> Iterator[bytes]:
    """All that are in it, of every pointer table."""
    if len(block) < HEADER.size or not block.startswith(b"NCMH"):
        return
    at, seen = HEADER.unpack_from(block)[4], set[int]()
    while at and at not in seen and at + POINTER.size <= len(block):
        seen.add(at)
        kind, _, length, following = POINTER.unpack_from(block, at)
        if kind == b"IPS":
            yield from _of(block, at + POINTER.size, min(at + length, len(block)))
        at = following


def _of(block: bytes, first: int, end: int) -> Iterator[bytes]:
    for entry in range(first, end - ENTRY.size + 1, ENTRY.size):
        start, length = ENTRY.unpack_from(block, entry)
        if not start or not length:
            return
        if start + length <= len(block):
            yield block[start : start + length]
