"""The steps on the unit."""

import argparse
import os
from pathlib import Path

from firmware.configfile import DEFAULT_FOLDER
from hdu.failure import Failure
from hdu.provision import answers, by_card, form, site_file, steps
from hdu.provision.files import print_papers, read, write
from hdu.provision.identity import Refused
from hdu.provision.stick import Mounted, Stick
from hdu.provision.store import Store

BASE = Path("/var/lib/hdu/identity")  # the image links /etc/hdu to its `current`
STICK = "/run/stick"  # where run-stick.mount has the card's first partition
REFUSED = (site_file.SiteFileRefused, answers.AnswersRefused, Refused, ValueError)


def base() -> Path:
    return Path(os.environ.get("HDU_IDENTITY", BASE))


def seen(store: Store) -> Path:
    """Where the services see the identity in force."""
    return Path(DEFAULT_FOLDER) if store.base == BASE else store.current.absolute()


def begin(given: argparse.Namespace) -> None:
    """Answers checked, keys made, the request written."""
    store, data = Store(given.base), read(given.site)
    site = site_file.read(data, str(given.site))
    found = asked(given, steps.known(store), site.has_lte)
    with store.alone():
        request = steps.begin(store, data, found, given.new_keys)
    to = given.to or Path(f"{found.unit}.request.json")
    write(to, request)
    print(f"{found.unit}: the request is in {to}; the agency signs it (hdu provision sign), then: hdu provision finish")


def asked(given: argparse.Namespace, known: dict[str, str], has_lte: bool) -> answers.Answers:
    """One unit's answers, checked: from the file of --answers, a scanner (--scan), or a form."""
    if given.answers is None:
        return answers.checked(form.scanned(has_lte) if given.scan else form.form(known, has_lte), has_lte)
    return answers.in_file(read(given.answers), str(given.answers), has_lte)


def finish(given: argparse.Namespace) -> None:
    """The grant checked, everything put in force at once."""
    store, grant = Store(given.base), read(given.grant)
    with store.alone():
        folder = steps.finish(store, grant, seen(store))
    told = steps.provisioned(store)
    print(f"{told.answers.unit}: provisioned, number {told.number} of {told.agency} ({folder}); restart the unit")


def card(given: argparse.Namespace) -> None:
    """What a start does with its card; what is refused is said on the card, too."""
    stick, store = _stick(given.card), Store(given.base)
    try:
        told = by_card.go_on(stick, store, seen(store))
        by_card.said(stick, told)
    except (*REFUSED, OSError) as error:
        by_card.shown(given.run, "refused")
        by_card.refused(stick, str(Failure(str(error))))  # as it can be printed
        raise
    by_card.shown(given.run, told.state)
    print(told.words)


def _stick(word: str) -> Stick:
    if Path(word).is_dir():
        return Mounted(Path(word))
    from hdu.provision import station

    return station.card(word)


def undo(given: argparse.Namespace) -> None:
    store = Store(given.base)
    with store.alone():
        number = store.undo()
    print(
        f"back to {steps.provisioned(store).answers.unit}, as it was before" if number else "this unit is blank again"
    )


def show(given: argparse.Namespace) -> None:
    store = Store(given.base)
    waiting = steps.asked(store)
    if waiting:
        print(f"begun: {waiting} waits for its grant")
    told = steps.provisioned(store)
    one = told.answers
    print(f"unit {one.unit}, number {told.number} of {told.agency}, since {told.at}")
    print(f"panel {one.panel}  sim {one.sim or '-'}  number {one.number or '-'}  headset {one.headset}")


def papers(given: argparse.Namespace) -> None:
    """The label and the card of the unit in force."""
    print_papers(steps.provisioned(Store(given.base)), given.to)
