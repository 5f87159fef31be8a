"""`hdu sign`: keys and signatures. The key ceremony: key (each holder), root, add (each holder), hdu publish root.

  hdu sign key alice.key                            a holder's key; alice.key.pub is what others need
  hdu sign token --label release release.pub --make a key on the token, and its public half (PYKCS11LIB: its module)
  hdu sign root REPO --root a.pub b.pub c.pub --threshold 2 --targets release.pub --online online.key.pub
  hdu sign add REPO/staged/root.json --key alice.key          then bob, on his own machine
  hdu sign add REPO/staged/targets.json --key hsm:2?label=release --public release.pub
  hdu sign image unit.img --certificate signer.pem --key signer.key      block map and signature for hdu flash

The passphrase or PIN is asked for, or read from the file that HDU_SECRET_FILE names.
"""

import argparse
import getpass
import os
from collections.abc import Sequence
from pathlib import Path

from hdu.arguments import Arguments
from hdu.failure import Failure
from hub.updates import keys
from hub.updates.files import UpdatesError
from hub.updates.repository import Repository
from hub.updates.role_files import add_signature
from image.flash import release
from image.flash.blockmap import BlockMapError
from image.flash.signature import SignatureError


def secret(what: str) -> str:
    """The passphrase or PIN of `what`."""
    file = os.environ.get("HDU_SECRET_FILE")
    return Path(file).read_text().strip() if file else getpass.getpass(f"{what}: passphrase or PIN: ")


def _key(given: argparse.Namespace) -> str:
    made = keys.generate(given.file, None if given.unattended else secret(str(given.file)))
    return f"{given.file}: key {made.keyid[:16]}; keep it off line, hand {given.file}.pub to who drafts the root"


def _token(given: argparse.Namespace) -> str:
    if given.make:
        keys.make_on_token(given.label, given.id, secret)
    return f"{given.file}: sign with --key '{keys.from_token(given.label, given.id, given.file, secret)}'"


def _root(given: argparse.Namespace) -> str:
    roots, targets = ([keys.load_public(at) for at in each] for each in (given.root, given.targets))
    at = Repository(given.repository).draft_root(roots, given.threshold, targets, keys.load_public(given.online))
    return (
        f"{at}: {given.threshold} of {len(roots)} holders must now sign it, each with: hdu sign add {at} --key THEIRS"
    )


def _add(given: argparse.Namespace) -> str:
    count = add_signature(given.file, keys.signer(given.key, given.public, secret))
    return f"{given.file}: {count} signature{'s' * (count != 1)}"


def _image(given: argparse.Namespace) -> str:
    made = release.sign(given.image, given.certificate, given.key)
    return f"{given.image}: {made.mapped} of {made.size} bytes mapped and signed"


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu sign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    key = commands.add_parser("key")
    key.add_argument("file", type=Path)
    key.add_argument("--unattended", action="store_true", help="without passphrase: only for the online key")
    token = commands.add_parser("token")
    token.add_argument("file", type=Path)
    token.add_argument("--label", required=True)
    token.add_argument("--id", type=int, default=2, choices=range(1, 256), metavar="1..255")
    token.add_argument("--make", action="store_true", help="make the key first, on the token")
    root = commands.add_parser("root")
    root.add_argument("repository", type=Path)
    for name in ("--root", "--targets"):
        root.add_argument(name, type=Path, nargs="+", required=True)
    root.add_argument("--online", type=Path, required=True)
    root.add_argument("--threshold", type=int, default=2)
    add = commands.add_parser("add")
    add.add_argument("file", type=Path)
    add.add_argument("--key", required=True)
    add.add_argument("--public", type=Path)
    image = commands.add_parser("image")
    image.add_argument("image", type=Path)
    image.add_argument("--certificate", type=Path, required=True)
    image.add_argument("--key", required=True)
    for command, step in ((key, _key), (token, _token), (root, _root), (add, _add), (image, _image)):
        command.set_defaults(step=step)
    given = parser.parse_args(arguments)
    try:
        print(given.step(given))
    except (UpdatesError, BlockMapError, SignatureError, OSError) as error:
        raise Failure(f"hdu sign: {error}") from error
    return 0
