"""A release as it lies in a folder: IMAGE, IMAGE.bmap (the block map) and IMAGE.bmap.p7s (who signed it)."""

import os
from pathlib import Path

from image.flash import blockmap, signature
from image.flash.blockmap import BlockMap


def map_of(image: Path) -> Path:
    return image.with_name(image.name + ".bmap")


def signature_of(image: Path) -> Path:
    return image.with_name(image.name + ".bmap.p7s")


def sign(image: Path, certificate: Path, key: str) -> BlockMap:
    """Writes map and signature beside `image`; BlockMapError or SignatureError, and then neither is there."""
    made = blockmap.make(image)
    new = map_of(image).with_suffix(".new")
    try:
        new.write_bytes(blockmap.text(made))
        signature.sign(new, signature_of(image), certificate, key)
        new.replace(map_of(image))
    finally:
        new.unlink(missing_ok=True)
    return made


def trusted(image: Path, authority: Path) -> tuple[BlockMap, str]:
    """The map and its signer's name: what may be written. BlockMapError or SignatureError for anything amiss."""
    signer = signature.verify(map_of(image), signature_of(image), authority)
    made = blockmap.parse(map_of(image).read_bytes(), str(map_of(image)))
    size = image.stat().st_size
    if size != made.size:
        raise blockmap.BlockMapError(
            f"{image}: has {size} bytes, signed are {made.size}; the download is not whole, get it again"
        )
    return made, signer


def log_folder() -> Path:
    """Where a flash station keeps its log (XDG base directories)."""
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "hdu"
