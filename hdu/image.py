"""`hdu image`: the unit's image from Debian's packages and this checkout.

  hdu image build [--version 1.2.0] [--authority releases.pem] [--to hdu.img.zst]   a card, and its SBOM
  hdu image run [--keep] [--identity FOLDER]      the same in QEMU: its console, its panel, its cables; 'end' ends it
  hdu image run --card CARD                       a card file that was flashed, as it is: who it is lies on it
  hdu image bundle --to 1.2.0.raucb [--certificate release.pem --key release.key]   a release

Needs apt, user namespaces and a Debian mirror; no root, no loop device. What is fetched and built stays in the cache.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hdu.arguments import Arguments
from hdu.failure import Failure
from image import build, bundle, trying, wheels
from image.card import SIZE
from image.development import authority
from image.places import BuildError, cache
from image.tools import WORK


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def built(given: argparse.Namespace) -> build.Built:
    version = given.version or wheels.project()["version"]
    return build.build(version, given.authority, told, given.again, given.updates_root)


def _build(given: argparse.Namespace) -> int:
    made = built(given)
    if given.to is None:
        print(f"{made.card}\n{made.bill}")
        return 0
    packed = made.folder / "card.img.zst"
    if not packed.exists():
        build.tools(told).run(
            made.folder, "zstd", "-q", "-f", "-12", "-T0", f"{WORK}/card.img", "-o", f"{WORK}/{packed.name}"
        )
    compressed = given.to.suffix == ".zst"
    given.to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(packed if compressed else made.card, given.to)
    shutil.copyfile(made.bill, given.to.with_name(given.to.name + ".cdx.json"))
    print(f"{given.to}: {given.to.stat().st_size / 1e6:.0f} MB; root {made.slot.root.stat().st_size / 1e6:.0f} MB")
    return 0


def _run(given: argparse.Namespace) -> int:
    if not given.identity.is_dir():
        raise Failure(f"hdu image run: {given.identity} is no folder; give one with a unit.toml in it", status=2)
    if given.card is not None:
        if not (given.card.is_file() and given.card.stat().st_size >= SIZE):
            raise Failure(f"hdu image run: {given.card}: is no card file; flash it first: hdu flash", 2)
        return trying.run_card(given.card, build.tools(told))
    made, programs, machines = built(given), build.tools(told), cache() / "machines"
    machines.mkdir(parents=True, exist_ok=True)
    if given.keep:
        return trying.run(made.card, programs, machines / made.folder.name, given.identity)
    with tempfile.TemporaryDirectory(prefix="run-", dir=machines) as work:
        return trying.run(made.card, programs, Path(work), given.identity)


def _bundle(given: argparse.Namespace) -> int:
    made, programs = built(given), build.tools(told)
    if bool(given.certificate) != bool(given.key):
        raise Failure("hdu image bundle: --certificate and --key go together", status=2)
    signer, secret = given.certificate, given.key
    if signer is None:
        folder = authority(programs)
        signer, secret = folder / "release.pem", str(folder / "release.key")
        told(
            "signed for development only: give --certificate and --key, and build with the --authority that units trust"
        )
    bundle.made(made.slot, made.version, signer, secret, given.to, cache() / "work" / "bundle", programs)
    print(f"{given.to}: {given.to.stat().st_size / 1e6:.0f} MB, release {made.version}")
    return 0


COMMANDS = {"build": _build, "run": _run, "bundle": _bundle}


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--version", help="of the release (default: the project's)")
    parser.add_argument(
        "--authority", type=Path, help="who may sign releases for these units, PEM (default: development)"
    )
    parser.add_argument("--updates-root", type=Path, metavar="1.root.json", help="the update repository's first root")
    parser.add_argument("--to", type=Path, help="where the result goes; .zst packs a card")
    parser.add_argument("--again", action="store_true", help="build anew, though it was built before")
    parser.add_argument("--keep", action="store_true", help="run: keep the card, and go on with it next time")
    parser.add_argument(
        "--identity", type=Path, metavar="FOLDER", default=trying.IDENTITY, help="run: what the unit has in /etc/hdu"
    )
    parser.add_argument("--card", type=Path, help="run: this card file, and no identity but what lies on it")
    parser.add_argument("--certificate", type=Path, help="bundle: the signer's, PEM, for code signing")
    parser.add_argument("--key", help="bundle: its key, a file or a pkcs11: URI")
    given = parser.parse_args(arguments)
    if given.what == "bundle" and given.to is None:
        raise Failure("hdu image bundle: say where the bundle goes: --to FILE.raucb", status=2)
    try:
        return COMMANDS[given.what](given)
    except BuildError as error:
        raise Failure(f"hdu {error}") from error
