"""The files that a person names, read and written with words where it cannot be; and the papers to print."""

from pathlib import Path

from hdu.failure import Failure
from hdu.provision.identity import Provisioned


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"hdu provision: {file}: {error.strerror}; is the stick plugged in?") from error


def write(file: Path, content: bytes) -> None:
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_bytes(content)
        new.replace(file)
    except OSError as error:
        raise Failure(f"hdu provision: {file}: {error.strerror}; choose another --to") from error


def print_papers(told: Provisioned, to: Path) -> None:
    """The label and the dispatcher's card, as PDF."""
    from hdu.provision.card import card
    from hdu.provision.label import label

    for name, made in (("label", label(told)), ("card", card(told))):
        write(to / f"{told.answers.unit}-{name}.pdf", made)
    print(f"{to}/{told.answers.unit}-label.pdf and -card.pdf: print both; the label goes under the unit")
