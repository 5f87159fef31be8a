"""Small files that the unit keeps for itself: one JSON object, whole after any death, refused if a bit of it changed.

A file goes to a temporary name and is renamed; `durable` ones are fsynced before, and their folder after. The object's
last field is `crc32`, over all before it: a check against decay of disk and memory, not against people. An object
without one (written by hand) is taken as it is.
"""

import os
import re
import zlib
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
LAST_FIELD = re.compile(rb'(.*?),?"crc32":"([0-9a-f]{8})"\}', re.DOTALL)


class Damaged(ValueError):
    """The content is not what was written; the message says what was found."""


def seal(value: msgspec.Struct) -> bytes:
    """`value` as a JSON object that `opened` takes back."""
    body = msgspec.json.encode(value).removesuffix(b"}")
    return body + (b"," if body != b"{" else b"") + b'"crc32":"%08x"}' % zlib.crc32(body)


def opened(content: bytes, kind: type[T]) -> T:
    """The value in `content`; Damaged where it is torn, of another shape, or not as it was sealed."""
    sealed = LAST_FIELD.fullmatch(content)
    if sealed and f"{zlib.crc32(sealed[1]):08x}".encode() != sealed[2]:
        raise Damaged("its content does not agree with its crc32")
    try:
        return msgspec.json.decode(sealed[1] + b"}" if sealed else content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from error


def read(file: Path, kind: type[T]) -> T | None:
    """What `file` keeps; None where there is none; Damaged, naming it, or OSError."""
    try:
        return opened(file.read_bytes(), kind)
    except FileNotFoundError:
        return None
    except Damaged as error:
        raise Damaged(f"{file}: {error}") from error


def replace(file: Path, content: bytes, *, durable: bool = False) -> None:
    """The whole file or not at all; `durable`: also after a power cut. OSError where it cannot be."""
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as out:
        out.write(content)
        out.flush()
        if durable:
            os.fsync(out.fileno())
    new.rename(file)
    if durable:
        sync(file.parent)


def move_out(file: Path, folder: Path) -> None:
    """Moves `file` to `folder`, for whoever watches where it was: as a removal, not as a rename.

    Of a rename out of a folder that it watches watchdog awaits the other half for 0.5 s, and holds back all that comes
    after (inotify_move_event_grouper). Killed in between, the file is in both places, and can be moved again.
    """
    (folder / file.name).unlink(missing_ok=True)
    os.link(file, folder / file.name)
    file.unlink()


def sync(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
