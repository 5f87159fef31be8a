"""The technician's place on a card: the folder `provision` of its first partition, which any computer can open.

site-file.toml  labels.txt   what a blank unit is to become; put there when the card is flashed
request.json                 what the unit asks; its keys are made on it and are not in it
grant.json                   what the agency answers
says.txt                     how it stands, in the unit's words
"""

import os
from pathlib import Path
from typing import Protocol

FOLDER = "provision"
SITE, LABELS, REQUEST, GRANT, SAYS = "site-file.toml", "labels.txt", "request.json", "grant.json", "says.txt"
LONGEST_BYTES = 128 * 1024  # of what is read: more than any of these files may have


class Stick(Protocol):
    """The folder, wherever the card is; `where` is it in words. OSError where the card fails."""

    where: str

    def read(self, name: str) -> bytes | None:
        """The file's first LONGEST_BYTES; None where it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """On the card when this returns."""

    def remove(self, name: str) -> None:
        """Nothing where it is not there."""


class Mounted:
    """The folder of a partition that is mounted at `at`."""

    def __init__(self, at: Path) -> None:
        self.folder, self.where = at / FOLDER, str(at / FOLDER)

    def read(self, name: str) -> bytes | None:
        try:
            with (self.folder / name).open("rb") as file:
                return file.read(LONGEST_BYTES)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(exist_ok=True)
        new = self.folder / f"{name}.new"
        with new.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        new.replace(self.folder / name)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def put(stick: Stick, name: str, content: bytes) -> None:
    """Writes only what is not there already: a card wears."""
    if stick.read(name) != content:
        stick.write(name, content)
