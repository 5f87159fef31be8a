"""The five answers in the terminal: one question each, asked again with the reason until it is answered right."""

import sys
from collections.abc import Callable

from hdu.provision.answers import FIELDS, collect, fault

Ask = Callable[[str], str]


def form(known: dict[str, str], has_lte: bool, ask: Ask = input) -> dict[str, str]:
    """Enter takes what is known already (in brackets). A scanner may answer any question with several answers."""
    found = dict(known)
    for field, words in FIELDS.items():
        if field in ("sim", "number") and not has_lte:
            continue
        while why := fault(field, _answer(field, words, found, ask), has_lte):
            print(f"  {why}", file=sys.stderr)
            found.pop(field, None)
    return found


def _answer(field: str, words: str, found: dict[str, str], ask: Ask) -> str:
    """What is now known of `field`."""
    known = f" [{found[field]}]" if field in found else ""
    line = ask(f"{words}{known}: ").strip()
    if "=" in line:
        scanned, faults = collect([line])
        found.update(scanned)
        print("\n".join(f"  {each}" for each in faults), end="\n" if faults else "", file=sys.stderr)
    elif line:
        found[field] = line
    return found.get(field, "")


def scanned(has_lte: bool, ask: Ask = input) -> dict[str, str]:
    """Labels in any order, until every field is known; each is told at once, right or wrong."""
    found: dict[str, str] = {}
    while missing := [field for field in FIELDS if fault(field, found.get(field, ""), has_lte)]:
        new, faults = collect([ask(f"scan ({', '.join(missing)}): ")])
        faults += [why for field, value in new.items() if (why := fault(field, value, has_lte))]
        print("\n".join([*faults, *(f"{field}: {value}" for field, value in new.items())]), file=sys.stderr)
        found.update({field: value for field, value in new.items() if not fault(field, value, has_lte)})
    return found
