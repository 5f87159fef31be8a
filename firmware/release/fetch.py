"""One look at the update repository, in a process of its own: TLS and TUF cost 30 MB, and are gone when it ends.

python -m firmware.release.fetch URL FOLDER ROOT                     what is released and stopped
python -m firmware.release.fetch URL FOLDER ROOT TARGET [--stream]   that target, whole and verified (--stream: where)

Answers with one Look as JSON. What is signed but cannot be read is told in `broken` and holds up nothing.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from firmware.drivers.tuf_client import Refused, Repository
from firmware.release.fetch_answer import Look
from firmware.release.rollout import RollOutError, parse

ROLL_OUTS, HALTS = "rollouts/", "halts/"


def look(repository: Repository) -> Look:
    """Every roll-out that is signed, and which of them are stopped; Refused where the repository is not right."""
    repository.refresh()
    found, broken = [], []
    for name in repository.names(ROLL_OUTS):
        target = repository.find(name)
        try:
            found += [parse(repository.fetch(target).read_bytes(), name)] if target else []
        except RollOutError as error:
            broken.append(str(error))
    halted = tuple(each.id for each in found if repository.find(HALTS + each.id))
    return Look(roll_outs=tuple(found), halted=halted, broken=tuple(broken))


def take(repository: Repository, name: str, stream: bool) -> Look:
    """Where the target `name` is; Refused where nothing is signed under that name."""
    repository.refresh()
    target = repository.find(name)
    if target is None:
        raise Refused(f"update refused: {name} is named by a roll-out and not published; publish it, or remove that")
    return Look(place=repository.address(target) if stream else str(repository.fetch(target)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m firmware.release.fetch")
    for name, kind in (("url", str), ("folder", Path), ("root", Path)):
        parser.add_argument(name, type=kind)
    parser.add_argument("target", nargs="?")
    parser.add_argument("--stream", action="store_true")
    given = parser.parse_args()
    try:
        repository = Repository(given.url, given.folder, given.root.read_bytes())
        found = take(repository, given.target, given.stream) if given.target else look(repository)
    except (Refused, OSError) as error:
        found = Look(refused=str(error))
    sys.stdout.write(msgspec.json.encode(found).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
