"""A card that starts no more, mended in place: boot loader, its environment and slot A anew, what the unit keeps stays.

The card's own tables stay too: the first boot has made the data partition larger than the image says.
"""

from image.card import DATA_AT, SECTOR, tables
from image.flash.blockmap import BLOCK_BYTES, BlockMap, Range
from image.flash.medium import Medium, MediumError

FIXED = slice(440, 494)  # the signature and the first three partitions of the table (MBR); the fourth one grows


def mending(blockmap: BlockMap, medium: Medium) -> BlockMap:
    """What of the image is written; MediumError where the card is no unit's, or the map does not keep parts apart."""
    _known(medium)
    return BlockMap(blockmap.size, tuple(each for each in blockmap.ranges if _is_written(each)))


def _known(medium: Medium) -> None:
    for at, wanted in tables().items():
        found = medium.read(at, BLOCK_BYTES)[:SECTOR]
        if found[510:] != wanted[510:] or (at == 0 and found[FIXED] != wanted[FIXED]):
            raise MediumError("not the card of a unit, or its partition table is damaged: it can only be flashed whole")


def _is_written(each: Range) -> bool:
    touched = [at for at in tables() if each.offset < at + BLOCK_BYTES and at < each.offset + each.length]
    if touched and each.length != BLOCK_BYTES:
        raise MediumError(
            "the image's map does not keep its tables apart; make it anew with hdu sign, from a sparse image"
        )
    return not touched and each.offset < DATA_AT
