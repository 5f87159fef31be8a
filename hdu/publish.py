"""`hdu publish`: what the units see. Every step is files in REPO; REPO/public is what a web server or CDN serves.

hdu publish root REPO                                          staged/root.json, once enough holders have signed
hdu publish stage REPO bundles/hdu-1.3.raucb=./hdu-1.3.raucb   the next targets, to be signed (--remove NAME)
hdu publish release REPO --online online.key                   what was staged and signed; also renews the timestamp
hdu publish halt REPO ROLL-OUT --online online.key --reason "early: 3 roll-backs"    stop; `resume` takes it back
hdu publish check REPO                                         what expires soon: exit 1 (run it daily)
"""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path

from firmware import configfile
from firmware.config import Site
from firmware.release.rollout import RollOutError, parse
from hdu.arguments import Arguments
from hdu.failure import Failure
from hdu.sign import secret
from hub.updates import keys
from hub.updates.expiry import warnings
from hub.updates.files import UpdatesError
from hub.updates.repository import Repository


def _root(repository: Repository, _given: argparse.Namespace) -> str:
    return f"root {repository.publish_root()} is published; units follow it link by link: never delete an old root"


def _stage(repository: Repository, given: argparse.Namespace) -> str:
    files = {}
    for word in given.files:
        name, _, file = word.partition("=")
        if not file:
            raise Failure(f"hdu publish: {word}: write it as bundles/NAME=FILE", status=2)
        _readable(name, Path(file))
        files[name] = Path(file)
    at = repository.stage(files, given.remove, keys.load_public(given.halts) if given.halts else None)
    return f"{at}: review it and sign it: hdu sign add {at} --key ..."


def _readable(name: str, file: Path) -> None:
    """What no unit could read is not published."""
    if name.startswith("rollouts/"):
        parse(file.read_bytes(), str(file))
    elif name.startswith("site/"):
        faults: list[str] = []
        try:
            configfile.parse(Site, tomllib.loads(file.read_text()), str(file), faults)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            faults.append(f"{file}: cannot be read: {error}")
        if faults:
            raise UpdatesError("; ".join(faults))


def _online(repository: Repository, given: argparse.Namespace) -> str:
    online = keys.signer(str(given.online), None, secret)
    if given.action == "halt":
        return f"stopped with timestamp {repository.halt(online, given.name, given.reason)}"
    if given.action == "resume":
        return f"resumed with timestamp {repository.resume(online, given.name)}"
    return f"timestamp {repository.release(online)} is published"


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="action")
    made = {name: commands.add_parser(name) for name in ("root", "stage", "release", "halt", "resume", "check")}
    for command in made.values():
        command.add_argument("repository", type=Path)
    made["stage"].add_argument("files", nargs="*", metavar="NAME=FILE")
    made["stage"].add_argument("--remove", nargs="+", default=[])
    made["stage"].add_argument(
        "--halts", type=Path, help="public key of who may stop roll-outs; once, and after a theft"
    )
    for name in ("halt", "resume"):
        made[name].add_argument("name")
    made["halt"].add_argument("--reason", required=True)
    for name in ("release", "halt", "resume"):
        made[name].add_argument("--online", required=True, type=Path)
    given = parser.parse_args(arguments)
    repository = Repository(given.repository)
    if given.action == "check":
        found = warnings(repository)
        print("\n".join(found) or "nothing expires soon")
        return 1 if found else 0
    try:
        print({"root": _root, "stage": _stage}.get(given.action, _online)(repository, given))
    except (UpdatesError, RollOutError, OSError) as error:
        raise Failure(f"hdu publish: {error}") from error
    return 0
