"""The spool holds what was put, through torn files, foreign files and a full disk."""

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.facts import Acknowledgement, Alert
from firmware.spool import Spool, SpoolFull

ANSWER = Acknowledgement(id="A1", by="Kim", at="2026-11-22T10:00:01.000Z")


def alert(id: str = "A1") -> Alert:
    return Alert(id=id, unit="hdu-0001", kind="panic", raised_at="2026-11-22T10:00:00.000Z")


def test_what_is_put_is_found_by_another(tmp_path: Path) -> None:
    Spool(tmp_path).put(alert())
    (entry,) = Spool(tmp_path).entries()
    assert (entry.alert, entry.delivered, entry.acknowledged) == (alert(), False, None)


def test_marks_are_found(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(alert())
    spool.mark("A1", "delivered")
    spool.mark("A1", "acknowledged", ANSWER)
    (entry,) = Spool(tmp_path).entries()
    assert (entry.delivered, entry.acknowledged) == (True, ANSWER)


def test_an_answer_to_another_alert_does_not_count(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(alert("B2"))
    spool.mark("B2", "acknowledged", ANSWER)
    assert spool.entries()[0].acknowledged is None


def test_nothing_half_written_is_ever_seen(tmp_path: Path) -> None:
    (tmp_path / ".A9.alert.new").write_bytes(b'{"id": "A9", "un')
    assert Spool(tmp_path).entries() == []


@given(cut=st.integers(0, 100), flip=st.integers(0, 800))
def test_a_torn_or_flipped_file_is_moved_aside_or_still_whole(
    cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    spool.put(alert("A1"))
    spool.put(alert("B2"))
    content = bytearray((folder / "A1.alert").read_bytes()[:-cut] if cut else (folder / "A1.alert").read_bytes())
    if content:
        content[flip // 8 % len(content)] ^= 1 << flip % 8
    (folder / "A1.alert").write_bytes(content)
    found = {entry.alert.id for entry in spool.entries()}
    assert "B2" in found
    assert ("A1" in found) != (folder / "aside" / "A1.alert").exists()


def test_a_foreign_file_is_moved_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    spool.put(alert())
    assert len(spool.entries()) == 1
    assert (tmp_path / "aside" / "holiday.jpg").exists()


def test_a_foreign_file_that_cannot_be_moved_keeps_nobody_from_the_alerts(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "aside").write_text("no folder, so nothing can be moved into it")
    spool.put(alert())
    assert len(spool.entries()) == 1
    assert (tmp_path / "holiday.jpg").exists()


def test_an_answered_alert_is_closed_and_the_newest_are_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(5):
        spool.put(alert(f"A{number}"))
        spool.close(f"A{number}", keep=2)
    assert spool.entries() == []
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["A3.alert", "A4.alert"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A disk of 512 KiB of our own."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(tmp_path)], check=False).returncode:
        pytest.skip("needs a mount namespace of its own: run by bench/machine/enter")
    return tmp_path


def test_a_full_disk_takes_the_next_panics_into_the_reserve_and_says_so(small_disk: Path) -> None:
    spool = Spool(small_disk, reserve_bytes=256 << 10)
    assert spool.keep_reserve()
    fill(small_disk)
    for number in range(4):
        spool.put(alert(f"A{number}"))
        fill(small_disk)
    assert len(spool.entries()) == 4
    assert not spool.keep_reserve()
    fill(small_disk)
    spool.put(alert("A9"))  # what was left of the reserve is still there
    fill(small_disk)
    with pytest.raises(SpoolFull, match="free the disk"):
        for number in range(100):
            spool.put(alert(f"B{number:03}"))
            fill(small_disk)


def fill(disk: Path) -> None:
    """Takes every free byte."""
    with contextlib.suppress(OSError), (disk / ".filler").open("ab", buffering=0) as out:
        while True:
            out.write(bytes(4096))
