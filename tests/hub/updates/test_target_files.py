"""A target on the shelf is what was staged, or is not there."""

from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from hub.updates.files import UpdatesError
from hub.updates.target_files import place, shelve


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "unit.raucb"
    file.write_bytes(b"as staged")
    return file


def made_of(file: Path) -> TargetFile:
    return TargetFile.from_file("bundles/unit.raucb", str(file), ["sha256"])


def test_it_is_found_by_what_is_in_it(tmp_path: Path, file: Path) -> None:
    made = made_of(file)
    shelve(file, made, tmp_path)
    at = tmp_path / f"public/targets/bundles/{made.hashes['sha256']}.unit.raucb"
    assert (place(made, tmp_path), at.read_bytes()) == (at, b"as staged")


def test_one_that_changed_meanwhile_is_refused_and_not_there(tmp_path: Path, file: Path) -> None:
    made = made_of(file)
    file.write_bytes(b"another one")
    with pytest.raises(UpdatesError, match="changed while it was copied"):
        shelve(file, made, tmp_path)
    assert not place(made, tmp_path).exists()
