"""docs/technician.md does what it says, from a blank card to a unit that is accepted on the bench."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hdu import cli
from tests.bench.technician import Walk

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("bench")]


def test_the_page_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not (shutil.which("NetworkManager") and shutil.which("mosquitto") and Path("/run/netns").exists()):
        pytest.skip("needs the unpacked packages and namespaces: run by bench/machine/enter")
    walk = Walk(tmp_path / "try", f"t{os.getpid()}p-")
    try:
        walk.walk()
    finally:
        walk.close()
    report = json.loads((walk.folder / "hdu-0001-acceptance.json").read_bytes())["report"]
    assert report["passed"] and len(report["walked"]) == 17
    assert (walk.folder / "hdu-0001-acceptance.pdf").read_bytes().startswith(b"%PDF")
    forged = tmp_path / "forged.json"
    forged.write_bytes((walk.folder / "hdu-0001-acceptance.json").read_bytes().replace(b"Sam Field", b"Sam Fielt"))
    authority = str(walk.folder / "agency" / "ca.pem")
    assert cli.main(["selftest", "--verify", str(forged), "--authority", authority]) == 1
    assert "changed after it was signed" in capsys.readouterr().err
