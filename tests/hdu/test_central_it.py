"""docs/central-it.md, followed to the letter: every command in its order, then a unit that takes what came of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.drivers import tuf_client
from firmware.drivers.tuf_client import Refused
from firmware.release import fetch
from firmware.release.fetch_answer import Look
from hub.updates import keys
from hub.updates.repository import Repository
from tests.hdu.test_publish import MODULE, serving

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "central-it.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytestmark = [
    pytest.mark.skipif(
        not (MODULE.exists() and shutil.which("softhsm2-util")),
        reason="softhsm2 is not here; run inside bench/machine/enter",
    ),
    pytest.mark.slow,
]


def commands(text: str) -> Iterator[str]:
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            yield from body.splitlines()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `hdu` on the path, a token made of files, and one secret for all."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "hdu").write_text(f'#!/bin/sh\nexec {sys.executable} -m hdu.cli "$@"\n')
    (tmp_path / "bin" / "hdu").chmod(0o755)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    (tmp_path / "secret").write_text("1234\n")
    for name, value in {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"),
        "PYKCS11LIB": str(MODULE),
        "HDU_SECRET_FILE": str(tmp_path / "secret"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "hdu-1.3.raucb").write_bytes(b"release 1.3")
    (tmp_path / "hub.json").write_text(json.dumps({"units": [{"unit": "hdu-0001", "version": "1.2"}]}))
    for kind, body in BLOCK.findall(PAGE):
        if kind == "toml":
            name = body.partition("\n")[0].removeprefix("# file: ")
            (tmp_path / name).write_text(body)
    return tmp_path


def follow(desk: Path, text: str) -> list[str]:
    """What each command of `text` said; fails where one did not do."""
    said = []
    for line in commands(text):
        done = subprocess.run(["sh", "-c", line], cwd=desk, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        said.append(done.stdout)
    return said


def look(desk: Path, url: str) -> Look:
    """What a unit finds whose image ships the first root."""
    root = (desk / "updates/public/metadata/1.root.json").read_bytes()
    return fetch.look(tuf_client.Repository(url, desk / "unit", root))


def test_the_page_is_followed_and_the_units_follow(desk: Path) -> None:
    before, _, theft = PAGE.partition("## The online key was stolen")
    said = follow(desk, before)
    assert any("root 1 is published" in each for each in said) and "nothing expires soon" in said[-1]
    with serving(desk / "updates" / "public") as url:
        found = look(desk, url)
        assert {out.id: out.version for out in found.roll_outs} == {"hdu-1.3": "1.3", "site-2": "2"}
        assert found.halted == () and found.broken == ()
        follow(desk, theft)
        again = look(desk, url)  # the same image, never touched
        assert again.roll_outs == found.roll_outs
        thief = keys.signer(str(desk / "online.key"), None, lambda _: "")
        stolen = Repository(desk / "updates")
        stolen._verify = lambda *_: None  # type: ignore[method-assign]  # a thief does not check himself
        stolen.halt(thief, "hdu-1.3", "from the thief")
        with pytest.raises(Refused, match="not signed by enough of the right keys"):
            look(desk, url)


def test_one_of_two_is_not_enough(desk: Path) -> None:
    lines = list(commands(PAGE.partition("## A release")[0]))
    bob = next(line for line in lines if line.startswith("hdu sign add") and "bob" in line)
    for line in lines[: lines.index(bob)]:
        assert subprocess.run(["sh", "-c", line], cwd=desk, capture_output=True).returncode == 0, line
    done = subprocess.run(["sh", "-c", lines[-1]], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 1 and "have another holder sign" in done.stderr and done.stderr.count("\n") == 1
    assert not (desk / "updates" / "public").exists()


def test_a_token_key_is_never_made_over_another(desk: Path) -> None:
    lines = [line for line in commands(PAGE) if "token" in line][:2]
    for line in lines:
        assert subprocess.run(["sh", "-c", line], cwd=desk, capture_output=True).returncode == 0, line
    done = subprocess.run(["sh", "-c", lines[1]], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 1 and "has a key 2 already" in done.stderr and done.stderr.count("\n") == 1
