"""`hdu provision`: a blank unit becomes the agency's: `begin` on the unit, `sign` at the agency, `finish` on the unit.

No private key is typed or leaves the unit. `finish` changes everything or nothing; `undo` takes it back. Exit 0 done,
1 refused with the reason, 2 a wrong call.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware.configfile import DEFAULT_FOLDER
from hdu.arguments import Arguments
from hdu.failure import Failure
from hdu.provision import answers, form, site_file, steps
from hdu.provision.identity import Refused
from hdu.provision.store import Store

BASE = Path("/var/lib/hdu/identity")  # the image links /etc/hdu to its `current`


def base() -> Path:
    return Path(os.environ.get("HDU_IDENTITY", BASE))


def seen(store: Store) -> Path:
    """Where the services see the identity in force."""
    return Path(DEFAULT_FOLDER) if store.base == BASE else store.current.absolute()


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


def begin(given: argparse.Namespace) -> None:
    """Answers checked, keys made, the request written."""
    store, data = Store(given.base), read(given.site)
    site = site_file.read(data, str(given.site))
    found = answers.checked(_answers(given, steps.known(store), site.has_lte), site.has_lte)
    with store.alone():
        request = steps.begin(store, data, found, given.new_keys)
    to = given.to or Path(f"{found.unit}.request.json")
    write(to, request)
    print(f"{found.unit}: the request is in {to}; the agency signs it (hdu provision sign), then: hdu provision finish")


def _answers(given: argparse.Namespace, known: dict[str, str], has_lte: bool) -> dict[str, str]:
    if given.answers is None:
        return form.scanned(has_lte) if given.scan else form.form(known, has_lte)
    lines = read(given.answers).decode(errors="replace").splitlines()
    found, faults = answers.collect(lines)
    if faults:
        raise answers.AnswersRefused("\n".join(f"{given.answers}: {each}" for each in faults))
    return found


def finish(given: argparse.Namespace) -> None:
    """The grant checked, everything put in force at once."""
    store, grant = Store(given.base), read(given.grant)
    with store.alone():
        folder = steps.finish(store, grant, seen(store))
    told = steps.provisioned(store)
    print(f"{told.answers.unit}: provisioned, number {told.number} of {told.agency} ({folder}); restart the unit")


def undo(given: argparse.Namespace) -> None:
    store = Store(given.base)
    with store.alone():
        number = store.undo()
    print(
        f"back to {steps.provisioned(store).answers.unit}, as it was before" if number else "this unit is blank again"
    )


def show(given: argparse.Namespace) -> None:
    store = Store(given.base)
    asked = steps.asked(store)
    if asked:
        print(f"begun: {asked} waits for its grant")
    told = steps.provisioned(store)
    one = told.answers
    print(f"unit {one.unit}, number {told.number} of {told.agency}, since {told.at}")
    print(f"panel {one.panel}  sim {one.sim or '-'}  number {one.number or '-'}  headset {one.headset}")


def sign(given: argparse.Namespace) -> None:
    """At the agency: the request checked, the unit registered, the grant written."""
    from hub.agency import Agency

    grant, content = Agency(given.authority).grant(read(given.request), given.replace)
    to = given.to or given.request.with_name(f"{grant.unit}.grant.json")
    write(to, content)
    print(f"{grant.unit}: number {grant.number}; the grant is in {to}; on the unit: hdu provision finish {to}")


def site(given: argparse.Namespace) -> None:
    """At the agency: the site file."""
    from hdu.provision.making_site import make

    lte = site_file.Lte(
        apn=given.apn,
        user=given.apn_user,
        password=_password(given.apn_password_file),
        roaming=given.roaming,
    )
    made = make(given.authority, given.agency, given.helpline, given.hub, given.settings, given.unit, lte)
    write(given.to, made)
    secret = "keep it as secret as the access point's password" if lte.password else "it holds nothing secret"
    print(f"{given.to}: the site file of {given.agency}; {secret}")


def _password(file: Path | None) -> str:
    return read(file).decode(errors="replace").strip() if file else ""


def papers(given: argparse.Namespace) -> None:
    """The label and the card of the unit in force."""
    from hdu.provision.card import card
    from hdu.provision.label import label

    told = steps.provisioned(Store(given.base))
    for name, made in (("label", label(told)), ("card", card(told))):
        write(given.to / f"{told.answers.unit}-{name}.pdf", made)
    print(f"{given.to}/{told.answers.unit}-label.pdf and -card.pdf: print both; the label goes under the unit")


def parser() -> Arguments:
    whole = Arguments(prog="hdu provision", description=__doc__)
    steps_of = whole.add_subparsers(required=True, metavar="STEP")

    def step(run: Callable[[argparse.Namespace], None], words: str, on_unit: bool = True) -> Arguments:
        made: Arguments = steps_of.add_parser(run.__name__, help=words, description=words)
        made.set_defaults(run=run)
        if on_unit:
            made.add_argument("--base", type=Path, default=base(), help=f"where identities lie ({BASE})")
        return made

    one = step(begin, "on the unit: answer what is its own, and write its request")
    one.add_argument("site", type=Path, help="the agency's site file")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--scan", action="store_true", help="labels in any order, from a scanner")
    how.add_argument("--answers", type=Path, help="a file with FIELD=VALUE lines")
    one.add_argument("--to", type=Path, help="where the request goes (UNIT.request.json)")
    one.add_argument("--new-keys", action="store_true", help="make new keys even where this unit has some")
    one = step(sign, "at the agency: sign a request", on_unit=False)
    one.add_argument("request", type=Path)
    one.add_argument("--authority", type=Path, required=True, help="the folder of the authority and the register")
    one.add_argument("--to", type=Path, help="where the grant goes (UNIT.grant.json)")
    one.add_argument("--replace", action="store_true", help="the name goes from an old unit to this one")
    step(finish, "on the unit: put the grant in force").add_argument("grant", type=Path)
    step(undo, "on the unit: back to what was before")
    step(show, "on the unit: what it is")
    step(papers, "on the unit: label and instruction card as PDF").add_argument("--to", type=Path, default=Path())
    one = step(site, "at the agency: make the site file", on_unit=False)
    one.add_argument("--authority", type=Path, required=True, help="the folder of the authority; made where it is not")
    one.add_argument("--agency", required=True, help="its name, as on the card")
    one.add_argument("--helpline", required=True, help="who a dispatcher rings, as on the card")
    one.add_argument("--hub", required=True, help="the hub's address on the internet")
    one.add_argument("--settings", type=Path, help="the agency's site.toml")
    one.add_argument("--unit", type=Path, help="what is alike in every unit.toml")
    one.add_argument("--apn", default="", help="the LTE access point's name, from the operator's contract")
    one.add_argument("--apn-user", default="", help="the name it asks for, where it asks")
    one.add_argument("--apn-password-file", type=Path, help="a file with the password it asks for, where it asks")
    one.add_argument("--roaming", action="store_true", help="use foreign networks too")
    one.add_argument("--to", type=Path, default=Path("site-file.toml"))
    return whole


def main(arguments: Sequence[str]) -> int:
    perform(parser().parse_args(arguments))
    return 0


def perform(given: argparse.Namespace) -> None:
    """One step; Failure with every fault in words."""
    try:
        given.run(given)
    except (site_file.SiteFileRefused, answers.AnswersRefused) as error:
        raise Failure("\n".join(f"hdu provision: {each}" for each in str(error).splitlines())) from error
    except BlockingIOError as error:
        raise Failure("hdu provision: another one runs on this unit; wait for it") from error
    except EOFError as error:
        raise Failure("hdu provision: not every question was answered; nothing was written") from error
    except PermissionError as error:
        raise Failure(f"hdu provision: {error.filename}: {error.strerror}; run it as root") from error
    except (Refused, ValueError, OSError) as error:
        raise Failure(f"hdu provision: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
