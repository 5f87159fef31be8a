"""`hdu config check|show|seal`: exit 0 when both files are good, 1 with every fault on a line of its own.

`seal` ends each file with a checksum, so that one that later changes by itself is told.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from firmware import kept
from firmware.config import Section
from firmware.configfile import bounds, folder, load, seal, site
from hdu.arguments import Arguments


def lines(section: Section, path: str = "") -> Iterator[str]:
    """Every value in force, with its bound: `hub.mqtt_port = 8883   # int, >= 1, <= 65535`."""
    hints = get_type_hints(type(section), include_extras=True)
    for field in msgspec.structs.fields(type(section)):
        value: Any = getattr(section, field.name)
        if isinstance(value, Section):
            yield from lines(value, f"{path}{field.name}.")
        else:
            shown = msgspec.json.encode(value).decode()
            yield f"{path}{field.name} = {shown}   # {bounds(hints[field.name])}"


def seal_both(at: Path) -> None:
    for file in (site(at), at / "unit.toml"):
        if file.exists():
            kept.replace(file, seal(file.read_bytes()), durable=True)


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu config", description=__doc__)
    parser.add_argument("action", choices=["check", "show", "seal"])
    parser.add_argument("--folder", type=Path, default=folder(), help="where site.toml and unit.toml are")
    given = parser.parse_args(arguments)
    if given.action == "seal":
        seal_both(given.folder)
    config, faults = load(given.folder)
    if given.action == "show":
        print("\n".join(lines(config)))
    for fault in faults:
        print(fault, file=sys.stderr)
    if given.action != "show" and not faults:
        print(f"{given.folder}: good")
    return 1 if faults else 0
