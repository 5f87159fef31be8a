"""Mutated metadata, roll-outs, site files, bundles and their manifests: an error in words each time, nothing half
written.

`make mutations` tries 100,000 of each (ARGS="--tries 1000 --only metadata"), with a seed that is printed. Bundles and
manifests are judged by the real RAUC (`bundle_mutations`).
"""

import argparse
import contextlib
import json
import random
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from firmware.drivers.tuf_client import Refused
from firmware.release import site_trial
from firmware.release.rollout import RollOutError, parse
from tests.hub.updates import bundle_mutations
from tests.hub.updates.conftest import BUNDLE, Agency, Server, Unit

ROLL_OUT = b"""id = "hdu-1.0"
target = "bundles/hdu-1.0.raucb"
version = "1.0"
[percent]
canary = 100
early = 12.5
[window]
from_hour = 22
to_hour = 5
"""
SITE = b"""[hub]
host = "10.79.0.1"
mqtt_port = 8883
[power]
low_minutes = 15.0
[alerts]
sms_numbers = ["+15550001234"]
"""


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut or doubled, or a value of the JSON replaced by another kind."""
    if chance.random() < 0.5:
        return mutate_bytes(data, chance)
    tree = json.loads(data)
    at = tree
    while isinstance(at, dict | list) and at:
        key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
        if not isinstance(at[key], dict | list) or chance.random() < 0.3:
            at[key] = chance.choice([None, -1, 1e99, "", "\0", [], {}, [[]], True, "9" * 5000])
            break
        at = at[key]
    return json.dumps(tree).encode()


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    bad = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(bad))
        bad[at : at + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 8))
    return bytes(bad)


def metadata(agency: Agency, unit: Unit, tries: int, seed: int) -> int:
    """Tries mutated metadata on a unit; how many were refused (the others were the same content, or not looked at)."""
    chance, refused = random.Random(seed), 0
    agency.release({BUNDLE: b"release two"})
    agency.repository().halt(agency.online, "other", "for the test")
    unit.server.files = agency.files()
    before = unit.kept()
    newest = [name for name in unit.server.files if name.startswith("metadata/") and "1." not in name]
    for _ in range(tries):
        name = chance.choice([*newest, "metadata/2.root.json"])
        source = "metadata/1.root.json" if name.endswith("2.root.json") else name
        unit.server.answers = {name: mutate(unit.server.files[source], chance)}
        try:
            unit.take()
        except Refused as error:
            assert str(error).startswith("update refused: ") and "\n" not in str(error)
            refused += 1
            bundles = {at: data for at, data in unit.kept().items() if at.startswith("targets")}
            assert bundles == {at: data for at, data in before.items() if at.startswith("targets")}
        for at in unit.folder.rglob("*"):  # each try from what the unit had at first
            if at.is_file() and "root" not in at.name:
                at.unlink()
        for at_name, data in before.items():
            (unit.folder / at_name).write_bytes(data)
    return refused


VALUES = [
    b"-1",
    b"0",
    b"1e9",
    b"nan",
    b"inf",
    b'""',
    b'"\\u0000"',
    b"[]",
    b"{}",
    b"[[]]",
    b"true",
    b'"%s"' % (b"9" * 5000),
]


def mutate_text(data: bytes, chance: random.Random) -> bytes:
    """Another value or another key in good TOML, or bytes changed."""
    if chance.random() < 0.5:
        lines = data.splitlines()
        at = chance.choice([number for number, line in enumerate(lines) if b"=" in line])
        key, _, value = lines[at].partition(b" = ")
        lines[at] = b"%s = %s" % ((key, chance.choice(VALUES)) if chance.random() < 0.8 else (key[::-1], value))
        return b"\n".join(lines)
    bad = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(bad))
        bad[at : at + chance.randint(0, 6)] = chance.choice(
            [chance.randbytes(2), b"[", b"=", b"-9" * 9, b'"', b"1e400"]
        )
    return bytes(bad)


def roll_outs(tries: int, seed: int) -> int:
    """How many mutated roll-outs were refused, each in one line."""
    chance, refused = random.Random(seed), 0
    for _ in range(tries):
        try:
            parse(mutate_text(ROLL_OUT, chance), "rollouts/x")
        except RollOutError as error:
            assert str(error).startswith("rollouts/x: ") and "\n" not in str(error)
            refused += 1
    return refused


def sites(tries: int, seed: int, folder: Path) -> int:
    """How many mutated site files were refused, in words and with the file as it was; what is not refused is whole."""
    chance, refused = random.Random(seed), 0
    at = folder / site_trial.NAME
    at.write_bytes(SITE)
    for _ in range(tries):
        data = mutate_text(SITE, chance)
        try:
            site_trial.check(data)
            continue
        except site_trial.SiteRefused as error:
            assert str(error).startswith("site.toml: ") and "\n" not in str(error)
        with contextlib.suppress(site_trial.SiteRefused):
            site_trial.begin(folder, data)
        refused += 1
        assert at.read_bytes() == SITE and not site_trial.running(folder)
    return refused


def _metadata(folder: Path, tries: int, seed: int) -> str:
    agency = Agency(folder / "agency")
    agency.ceremony()
    agency.release({BUNDLE: b"release one"})
    unit = Unit(folder / "unit", agency.files()["metadata/1.root.json"], Server(agency.files()))
    unit.take()
    return f"refused {metadata(agency, unit, tries, seed):,}"


def _bundles(folder: Path, tries: int, seed: int) -> str:
    if not shutil.which("rauc"):
        return "not tried: rauc is not here; run inside bench/machine/enter"
    found = bundle_mutations.tried(folder, tries, seed, mutate_bytes, mutate_text)
    return ", ".join(f"{name} {count:,}" for name, count in sorted(found.items()))


KINDS: dict[str, Callable[[Path, int, int], str]] = {
    "metadata": _metadata,
    "roll-outs": lambda _, tries, seed: f"refused {roll_outs(tries, seed):,}",
    "sites": lambda folder, tries, seed: f"refused {sites(tries, seed, folder):,}",
    "bundles": _bundles,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--only", choices=KINDS, default="")
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.tries:,} tries each")
    for name, kind in KINDS.items():
        if given.only in ("", name):
            began = time.monotonic()
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                said = kind(Path(folder), given.tries, given.seed)
            print(f"{name:<10} {said}  ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
