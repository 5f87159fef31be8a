"""Whether anything was ever kept on a data partition: made anew is only what is blank, with the real tools on files."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from image.card import BLANK
from image.places import CHECKOUT

SIZE = 200 << 20  # past the first copy of the superblock, at 128 MiB
pytestmark = pytest.mark.skipif(not shutil.which("mke2fs", path="/usr/sbin"), reason="needs e2fsprogs in /usr/sbin")


def put(at: Path, place: int, data: bytes) -> None:
    with at.open("r+b") as out:
        out.seek(place)
        out.write(data)


def flashed(at: Path) -> None:
    put(at, 0, BLANK)


def made(at: Path) -> None:
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", str(at)], check=True)


def without_a_superblock(at: Path) -> None:
    made(at)
    put(at, 1024, bytes(3072))


def cut_first_boot(at: Path) -> None:
    flashed(at)
    put(at, 0, bytes(1 << 20))


def noise(at: Path) -> None:
    put(at, 0, os.urandom(1 << 20))


def half_a_luks_header(at: Path) -> None:
    put(at, 0, b"LUKS\xba\xbe\0\2")


@pytest.mark.parametrize(
    ("becomes", "blank"),
    [
        (flashed, True),
        (cut_first_boot, True),
        (half_a_luks_header, True),
        (made, False),
        (without_a_superblock, False),
        (noise, False),
    ],
)
def test_only_what_never_held_anything_is_blank(tmp_path: Path, becomes: Callable[[Path], None], blank: bool) -> None:
    card = tmp_path / "data.img"
    with card.open("wb") as out:
        out.truncate(SIZE)
    becomes(card)
    asked = ["sh", "-c", '. "$0"; is_blank "$1"', str(CHECKOUT / "image/initrd/data"), str(card)]
    assert (subprocess.run(asked, check=False).returncode == 0) is blank
