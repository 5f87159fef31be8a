"""Releases for the lab, good and bad; made once for what they are made of."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from image import build, bundle
from image.development import authority
from image.places import cache
from image.tools import Tools
from image.units import units


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def release(version: str, tools: Tools, over: Mapping[str, bytes] | None = None, signer: Path | None = None) -> Path:
    """A bundle of this checkout as `version`, with `over` laid over its root; signed by the authority in `signer`."""
    made = build.build(version, None, told, over=over or {})
    keys = signer or authority(tools)
    at = made.folder / f"{keys.name}.raucb"
    if not at.exists():
        bundle.made(made.slot, version, keys / "release.pem", str(keys / "release.key"), at, made.folder / "w", tools)
    return at


def stranger(tools: Tools) -> Path:
    """Somebody else who signs releases."""
    return authority(tools, cache() / "stranger")


def failing(name: str) -> dict[str, bytes]:
    """A unit file of ours whose service ends at once."""
    text = units()[name]
    lines = ["ExecStart=/usr/bin/false" if line.startswith("ExecStart=") else line for line in text.splitlines()]
    return {f"usr/lib/systemd/system/{name}": "\n".join(lines).encode() + b"\n"}


def damaged(whole: Path, at: Path, place: int, length: int = 8) -> Path:
    """A copy with some bytes changed."""
    subprocess.run(["cp", "--reflink=auto", str(whole), str(at)], check=True)
    with at.open("r+b") as file:
        file.seek(place)
        before = file.read(length)
        file.seek(place)
        file.write(bytes(each ^ 0xFF for each in before))
    return at
