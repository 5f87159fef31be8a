"""`hdu config`: every value with its bound, every fault on a line of its own."""

import re
from pathlib import Path

import pytest

from hdu import cli


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unit.toml").write_text(f'name = "hdu-0042"\n[folders]\ndata = "{tmp_path}/data"\n')
    return tmp_path


def hdu(folder: Path, action: str) -> int:
    return cli.main(["config", action, "--folder", str(folder)])


def test_good_files_are_good(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site.toml").write_text("[hub]\nmqtt_port = 1234\n")
    assert hdu(folder, "check") == 0
    assert capsys.readouterr() == (f"{folder}: good\n", "")


def test_every_fault_has_a_line_that_names_file_path_value_and_bound(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "site.toml").write_text('[hub]\nmqtt_port = 70000\nspeed = 3\n[alerts]\nremind_s = "soon"\n')
    assert hdu(folder, "check") == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{folder}/site.toml: ") for line in lines)
    assert "hub: mqtt_port = 70000" in err and "<= 65535" in err


def test_show_tells_every_value_in_force_with_its_bound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site.toml").write_text("[hub]\nmqtt_port = 1234\n")
    assert hdu(folder, "show") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "site.hub.mqtt_port = 1234   # int, >= 1, <= 65535" in lines
    assert any(line.startswith('unit.name = "hdu-0042"   # str, matches') for line in lines)
    assert all(re.fullmatch(r"(site|unit)[.\w]* = .+   # .+", line) for line in lines)


def test_show_tells_what_holds_although_a_file_is_bad(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site.toml").write_text("no TOML")
    assert hdu(folder, "show") == 1
    out, err = capsys.readouterr()
    assert "site.hub.mqtt_port = 8883" in out
    assert "site.toml: cannot be read" in err


@pytest.mark.parametrize("what", ["a folder", "no UTF-8"])
def test_a_file_that_cannot_be_read_is_a_fault(folder: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    if what == "a folder":
        (folder / "site.toml").mkdir()
    else:
        (folder / "site.toml").write_bytes(b"[hub]\nhost = '\xff'\n")
    assert hdu(folder, "check") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_key_with_a_line_break_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site.toml").write_text('"a\\nb" = 3\n')
    assert hdu(folder, "check") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_what_was_sealed_and_changed_by_itself_is_told_until_it_is_sealed_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "site.toml").write_text('[hub]\nhost = "10.0.0.1"\n')
    assert hdu(folder, "seal") == 0
    sealed = (folder / "site.toml").read_text()
    (folder / "site.toml").write_text(sealed.replace("10.0.0.1", "10.0.0.3"))
    assert hdu(folder, "check") == 1
    assert "is not what was sealed" in capsys.readouterr().err
    assert hdu(folder, "seal") == 0
    assert hdu(folder, "check") == 0
