"""A unit without console and shell is provisioned by its card: each start does what the card's folder asks for.

Blank, with site file and labels: it makes its keys and leaves its request. With the agency's grant beside: everything
comes into force at once, and the folder is emptied. What goes wrong is said in says.txt, and nothing has changed. A
unit that is somebody takes nothing from a card: its first partition is not signed, so whoever holds the card could
write there. Only a card that is flashed anew makes it blank.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from firmware import kept
from firmware.buttons.lamps import PROVISIONING
from firmware.facts import Provisioning
from hdu.provision import answers, site_file, steps
from hdu.provision.identity import Refused
from hdu.provision.steps import Pending
from hdu.provision.stick import GRANT, LABELS, REQUEST, SAYS, SITE, Stick, put
from hdu.provision.store import Store

TO_CLEAN = "clean-card"  # in the store, while a card still holds what its unit was provisioned with
BLANK = f"This unit is blank. Put {SITE} and {LABELS} into this folder and start the unit again."
ASKED = f"Its request is {REQUEST} here. The agency answers with {GRANT}; put that here and start the unit again."
AGAIN = "Nothing has changed on the unit. Put it right in this folder, and start the unit again."
NOT_READ = "This folder is not read any more; to make this unit another one, flash its card anew."


State = Literal["blank", "asked", "refused", "provisioned"]


class Told(Struct, frozen=True):
    """How it stands; `words` as the technician reads them."""

    state: State
    words: str


def go_on(stick: Stick, store: Store, seen: Path) -> Told:
    """What this start can do; Refused and its like, BlockingIOError or OSError with nothing changed in force."""
    with store.alone():
        if store.current.is_symlink():
            return _cleaned(stick, store)
        begun = _begun(stick, store)
        if begun is None:
            return Told("blank", BLANK)
        put(stick, REQUEST, begun.request)
        if (grant := stick.read(GRANT)) is None:
            return Told("asked", f"{begun.answers.unit}: its keys are made. {ASKED}")
        _finish(store, grant, seen)
        return _cleaned(stick, store)


def _begun(stick: Stick, store: Store) -> Pending | None:
    """What waits for its grant, begun anew where the card asks for something else; None where nothing was asked."""
    site, labels, known = stick.read(SITE), stick.read(LABELS), _pending(store)
    if site is None or labels is None:
        if known is None and (site or labels):
            raise Refused(f"{SITE if site is None else LABELS} is not here; put it beside the other file")
        return known
    found = answers.in_file(labels, LABELS, site_file.read(site, SITE).has_lte)
    if known is None or (known.site, known.answers) != (site, found):
        steps.begin(store, site, found, new_keys=False)
    return steps.pending(store)


def _pending(store: Store) -> Pending | None:
    """None where nothing was begun, or what was cannot be read: then it begins anew."""
    try:
        return steps.pending(store)
    except (Refused, OSError):
        return None


def _finish(store: Store, grant: bytes, seen: Path) -> None:
    (store.base / TO_CLEAN).touch()  # before: a power cut after the commit leaves word of the card
    try:
        steps.finish(store, grant, seen)
    except BaseException:
        (store.base / TO_CLEAN).unlink()
        raise


def _cleaned(stick: Stick, store: Store) -> Told:
    """The folder of a unit that is somebody, emptied once."""
    told = steps.provisioned(store)
    words = f"{told.answers.unit}: provisioned, number {told.number} of {told.agency}. {NOT_READ}"
    mark = store.base / TO_CLEAN
    if mark.exists():
        for name in (GRANT, REQUEST, LABELS, SITE):
            stick.remove(name)
        put(stick, SAYS, _text(words))
        mark.unlink()
    return Told("provisioned", words)


def said(stick: Stick, told: Told) -> None:
    """On the card; a card that was never asked anything is not written to."""
    if told.state == "asked" or (told.state == "blank" and stick.read(SAYS) is not None):
        put(stick, SAYS, _text(told.words))


def refused(stick: Stick, why: str) -> None:
    put(stick, SAYS, _text(f"Not provisioned:\n{why}\n{AGAIN}"))


def _text(words: str) -> bytes:
    """With the ends of lines that any computer shows."""
    return "".join(f"{line}\r\n" for line in words.splitlines()).encode()


def shown(run: Path | None, state: State) -> None:
    """For the lamps; a file in RUN that is not there says nothing."""
    if run is None:
        return
    if state in ("asked", "refused"):
        kept.replace(run / PROVISIONING, kept.seal(Provisioning(state=state)))
    else:
        (run / PROVISIONING).unlink(missing_ok=True)
