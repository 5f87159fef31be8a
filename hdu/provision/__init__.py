"""`hdu provision`: a blank unit becomes the agency's. No private key is typed or leaves the unit.

On a card: `prepare` at the station (or `hdu flash --site`), then the unit's start, `sign` at the agency, and the next
start. By files: `begin` on the unit, `sign`, `finish` on the unit. What brings it into force changes everything or
nothing; `undo` takes it back. Exit 0 done, 1 refused with the reason, 2 a wrong call.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hdu.arguments import Arguments
from hdu.failure import Failure
from hdu.provision import answers, on_unit, site_file
from hdu.provision.at_agency import prepare, sign, site
from hdu.provision.identity import Refused
from hdu.provision.on_unit import BASE, STICK, base, begin, finish, papers, show, undo

__all__ = ["base", "main", "parser", "perform"]


def parser() -> Arguments:
    whole = Arguments(prog="hdu provision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps_of = whole.add_subparsers(required=True, metavar="STEP")

    def step(run: Callable[[argparse.Namespace], None], words: str, at_unit: bool = True) -> Arguments:
        made: Arguments = steps_of.add_parser(run.__name__, help=words, description=words)
        made.set_defaults(run_step=run)
        if at_unit:
            made.add_argument("--base", type=Path, default=base(), help=f"where identities lie ({BASE})")
        return made

    one = step(site, "at the agency: make the site file", at_unit=False)
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
    one = step(prepare, "at the station: site file and labels onto a flashed card", at_unit=False)
    one.add_argument("site", type=Path, help="the agency's site file")
    one.add_argument("card", help="a disk as shown by hdu flash, a card file, or where its first partition is mounted")
    ways_to_answer(one)
    one = step(on_unit.card, "on the unit, at each start while it is blank: what its card asks for")
    one.add_argument("card", nargs="?", default=STICK, help=f"as for prepare ({STICK})")
    one.add_argument("--run", type=Path, help="where the lamps are told (nowhere)")
    one = step(begin, "on the unit: answer what is its own, and write its request")
    one.add_argument("site", type=Path, help="the agency's site file")
    ways_to_answer(one)
    one.add_argument("--to", type=Path, help="where the request goes (UNIT.request.json)")
    one.add_argument("--new-keys", action="store_true", help="make new keys even where this unit has some")
    one = step(sign, "at the agency: sign a request", at_unit=False)
    one.add_argument("request", help="its file, or the card it lies on, as for prepare")
    one.add_argument("--authority", type=Path, required=True, help="the folder of the authority and the register")
    one.add_argument("--to", type=Path, help="where the grant goes (to the card, or UNIT.grant.json)")
    one.add_argument("--papers", type=Path, metavar="FOLDER", help="also its label and instruction card, as PDF")
    one.add_argument("--replace", action="store_true", help="the name goes from an old unit to this one")
    step(finish, "on the unit: put the grant in force").add_argument("grant", type=Path)
    step(undo, "on the unit: back to what was before")
    step(show, "on the unit: what it is")
    step(papers, "on the unit: label and instruction card as PDF").add_argument("--to", type=Path, default=Path())
    return whole


def ways_to_answer(of: argparse.ArgumentParser) -> None:
    how = of.add_mutually_exclusive_group()
    how.add_argument("--scan", action="store_true", help="labels in any order, from a scanner")
    how.add_argument("--answers", type=Path, help="a file with FIELD=VALUE lines")


def main(arguments: Sequence[str]) -> int:
    perform(parser().parse_args(arguments))
    return 0


def perform(given: argparse.Namespace) -> None:
    """One step; Failure with every fault in words."""
    try:
        given.run_step(given)
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
