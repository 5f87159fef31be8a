"""What a machine is given is what is in the folder, for the services alone, and systemd's own tool lays it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from image import given


def test_the_files_are_laid_as_they_are(tmp_path: Path) -> None:
    """systemd-tmpfiles itself, in a folder that stands for the root; owners are left out: nobody is root here."""
    tool = shutil.which("systemd-tmpfiles")
    if tool is None:
        pytest.skip("needs systemd-tmpfiles")
    folder, root = tmp_path / "identity", tmp_path / "root"
    (folder / "tls").mkdir(parents=True)
    (folder / "unit.toml").write_text('name = "hdu-0042"\n')
    (folder / "tls/unit.key").write_bytes(bytes(range(256)))
    (root / "var/lib/hdu/identity").mkdir(parents=True)
    rules = tmp_path / "given.conf"
    rules.write_text("\n".join(given.lines(folder)).replace("root hdu", "- -") + "\n")
    subprocess.run([tool, "--create", f"--root={root}", str(rules)], check=True, capture_output=True)
    current = root / "var/lib/hdu/identity/current"
    assert str(current.readlink()) == "given"
    assert (current / "unit.toml").read_bytes() == (folder / "unit.toml").read_bytes()
    assert (current / "tls/unit.key").read_bytes() == bytes(range(256))
    assert (current / "tls/unit.key").stat().st_mode & 0o777 == 0o640


def test_qemu_is_told_where_it_is_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    words = given.words(tmp_path, tmp_path / "identity")
    assert words == ("-fw_cfg", f"name={given.CREDENTIAL},file=given.conf")
    assert (tmp_path / "given.conf").stat().st_mode & 0o777 == 0o600
    assert len(given.CREDENTIAL) < 56  # QEMU's bound for the name of a file in its firmware
