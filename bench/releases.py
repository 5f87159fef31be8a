"""Central IT on the bench: the update repository on a plain web server, and what IT publishes.

`python -m bench.releases serve FOLDER --bind HOST --root-copy FILE` makes the repository where there is none, gives the
unit its root and serves it; `site FOLDER VERSION` and `halt|resume FOLDER ROLL-OUT` publish. All keys are files here: a
bench has no token and no second person.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from bench.releasing import PORT
from hub.updates import keys
from hub.updates.repository import Repository
from hub.updates.role_files import add_signature

HOLDERS = ("alice", "bob", "carol")
OUT = """id = "{id}"
kind = "site"
target = "site/{id}.toml"
version = "{version}"
urgent = {urgent}
[percent]
canary = 100
early = 100
all = 100
"""


def _never(what: str) -> str:
    raise ValueError(f"{what} has no passphrase on the bench")


def make(folder: Path) -> None:
    """The ceremony, and a first release of nothing."""
    names = (*HOLDERS, "release", "online")
    public = {name: keys.generate(folder / "keys" / name, None) for name in names}
    repository = Repository(folder)
    at = repository.draft_root([public[name] for name in HOLDERS], 2, [public["release"]], public["online"])
    for name in HOLDERS[:2]:
        add_signature(at, keys.signer(str(folder / "keys" / name), None, _never))
    repository.publish_root()
    publish(folder, {})


def publish(folder: Path, files: dict[str, Path]) -> None:
    repository = Repository(folder)
    at = repository.stage(files, halts=keys.load_public(folder / "keys" / "online.pub"))
    add_signature(at, keys.signer(str(folder / "keys" / "release"), None, _never))
    repository.release(keys.signer(str(folder / "keys" / "online"), None, _never))


def site(folder: Path, version: str, urgent: bool, settings: str) -> None:
    """Settings for every unit, as a roll-out of their own."""
    id = f"site-{version}"
    written = {f"site/{id}.toml": settings}
    written[f"rollouts/{id}"] = OUT.format(id=id, version=version, urgent=json.dumps(urgent))
    files = {}
    for name, text in written.items():
        files[name] = folder / "in" / name.replace("/", "-")
        files[name].parent.mkdir(exist_ok=True)
        files[name].write_text(text)
    publish(folder, files)


def stop(folder: Path, roll_out: str, stopped: bool) -> None:
    online = keys.signer(str(folder / "keys" / "online"), None, _never)
    if stopped:
        Repository(folder).halt(online, roll_out, "asked for on the bench")
    else:
        Repository(folder).resume(online, roll_out)


def serve(folder: Path, bind: str, root_copy: Path) -> None:
    if not (folder / "public").exists():
        make(folder)
    shutil.copyfile(folder / "public/metadata/1.root.json", root_copy)
    words = ("-m", "http.server", str(PORT), "--bind", bind, "--directory", str(folder / "public"))
    os.execv(sys.executable, (sys.executable, *words))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.releases")
    parser.add_argument("action", choices=("serve", "site", "halt", "resume"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--root-copy", type=Path)
    parser.add_argument("--urgent", action="store_true")
    given = parser.parse_args()
    if given.action == "serve":
        serve(given.folder, given.bind, given.root_copy)
    elif given.action == "site":
        site(given.folder, given.name, given.urgent, sys.stdin.read())
    else:
        stop(given.folder, given.name, given.action == "halt")


if __name__ == "__main__":
    main()
