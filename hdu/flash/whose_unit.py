"""Whose unit each card is to make: asked before anything is written, put onto what passed."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hdu.failure import Failure
from hdu.provision import answers, on_unit, site_file, station
from hdu.provision.files import read
from image.flash.writing import Card

Identity = tuple[bytes, answers.Answers]


def wanted(given: argparse.Namespace, names: Sequence[str]) -> list[Identity | None]:
    """The site file and each card's answers, all checked before anything is written; Failure with every fault."""
    if given.site is None:
        return [None] * len(names)
    if given.mend or (given.answers and len(names) > 1):
        raise Failure("hdu flash: --site is for new cards (without --mend), --answers for one card alone", status=2)
    try:
        data = read(given.site)
        has_lte = site_file.read(data, str(given.site)).has_lte
        return [(data, _asked(given, name, has_lte)) for name in names]
    except (site_file.SiteFileRefused, answers.AnswersRefused) as error:
        raise Failure("\n".join(f"hdu flash: {each}" for each in str(error).splitlines())) from error
    except EOFError as error:
        raise Failure("hdu flash: not every question was answered; nothing was written") from error


def _asked(given: argparse.Namespace, name: str, has_lte: bool) -> answers.Answers:
    if given.answers is None:
        print(f"The unit that gets {name}:")
    return on_unit.asked(given, {}, has_lte)


def prepare(card: Card, path: Path, found: Identity | None) -> None:
    """What the unit is to become, onto a card that passed; while it is held, so that nobody mounts it meanwhile."""
    if found is None or not card.done:
        return
    try:
        station.prepare(station.OnDisk(path), *found)
    except OSError as error:
        card.fault, card.done = f"written, but it says not whose unit it is: {error}", False
