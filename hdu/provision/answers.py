"""What is one unit's own: five answers, typed, scanned or from a file, each checked. Pure.

A scanner sends what is on a label: `unit=hdu-0042`, several with `;` between them (after `hdu:` or not), or a bare code
that tells by its shape what it is: an ICCID (ITU-T E.118), a telephone number, a headset's USB identity.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

LONGEST_LINE = 300
LONGEST_LINES = 50
FIELDS = {
    "unit": "the unit's name, as on its label: a-z, 0-9 and -, such as hdu-0042",
    "panel": "the panel's serial number, printed on its back: A-Z, 0-9 and -, such as PNL-00317",
    "sim": "the SIM's card number (ICCID): 19 or 20 digits that begin with 89; empty where there is no SIM",
    "number": "the SIM's telephone number, such as +15550001234; empty where there is no SIM",
    "headset": "the headset's USB identity, vendor:product or vendor:product:serial, such as 046d:0a8f",
}
SHAPES = {
    "unit": re.compile(r"[a-z0-9][a-z0-9-]{0,31}"),
    "panel": re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}"),
    "sim": re.compile(r"89[0-9]{17,18}"),
    "number": re.compile(r"\+[1-9][0-9]{5,14}"),
    "headset": re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}(:[A-Za-z0-9._-]{1,64})?"),
}
RESERVED = ("broker", "console")  # other parties' certificate names
BARE = ("sim", "number", "headset")  # told by their shape alone; a unit and a panel need their word


class Answers(Struct, frozen=True):
    """All checked; `sim` and `number` are empty where the unit has none."""

    unit: str
    panel: str
    sim: str
    number: str
    headset: str


class AnswersRefused(ValueError):
    """Every fault, one to a line."""


def collect(lines: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """What a scanner or a file said, by field, and the faults. The same answer twice is one."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if number > LONGEST_LINES:
            return found, [*faults, f"line {number}: more than {LONGEST_LINES} lines; give one unit's answers"]
        for field, value, fault in _line(line, number):
            if fault:
                faults.append(fault)
            elif found.setdefault(field, value) != value:
                faults.append(
                    f"line {number}: {field} is {_shown(value)}, but was {_shown(found[field])} before; which?"
                )
    return found, faults


def _line(line: str, number: int) -> Iterable[tuple[str, str, str]]:
    """Field, value and fault of each pair in one line."""
    line = line.strip()
    if not line or line.startswith("#"):
        return
    if len(line) > LONGEST_LINE:
        yield "", "", f"line {number}: longer than {LONGEST_LINE} characters; scan it again"
        return
    for part in line.removeprefix("hdu:").split(";"):
        word, equals, value = (each.strip() for each in part.partition("="))
        if equals and word in FIELDS:
            yield word, value, ""
        elif equals:
            yield "", "", f"line {number}: {_shown(word)} is not asked for; known: {', '.join(FIELDS)}"
        elif not word:
            continue
        elif known := [field for field in BARE if SHAPES[field].fullmatch(word)]:
            yield known[0], word, ""
        else:
            yield "", "", f"line {number}: {_shown(word)} is no label of ours; write FIELD=VALUE or scan it again"


def fault(field: str, value: str, has_lte: bool = True) -> str:
    """Why `value` is no answer to `field`; empty where it is one."""
    if field in ("sim", "number") and not has_lte:
        return f"{field}: these units have no SIM; leave it empty" if value else ""
    if not SHAPES[field].fullmatch(value):
        return f"{field}: {_shown(value) if value else 'nothing'} was given; needed is {FIELDS[field]}"
    if field == "unit" and value in RESERVED:
        return f"unit: {value} is the name of a part of the hub; choose another"
    if field == "sim" and not luhn(value):
        return f"sim: {value} has a wrong check digit; read it again from the card"
    return ""


def checked(found: Mapping[str, str], has_lte: bool) -> Answers:
    """The answers; AnswersRefused with every fault."""
    values = {field: found.get(field, "") for field in FIELDS}
    if faults := [words for field, value in values.items() if (words := fault(field, value, has_lte))]:
        raise AnswersRefused("\n".join(faults))
    return Answers(**values)


def in_file(content: bytes, where: str, has_lte: bool) -> Answers:
    """The answers in a file of FIELD=VALUE lines; AnswersRefused with every fault, each naming the file."""
    found, faults = collect(content.decode(errors="replace").splitlines())
    try:
        if faults:
            raise AnswersRefused("\n".join(faults))
        return checked(found, has_lte)
    except AnswersRefused as error:
        raise AnswersRefused("\n".join(f"{where}: {each}" for each in str(error).splitlines())) from error


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _shown(value: str) -> str:
    """A value as it can stand in one line."""
    return repr(value[:40])
