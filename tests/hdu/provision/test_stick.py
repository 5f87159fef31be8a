"""The card's folder as it is mounted: what a stranger may have written is read in part, and nothing is torn."""

from pathlib import Path

from hdu.provision.stick import FOLDER, GRANT, LONGEST_BYTES, Mounted, put


def test_no_more_is_read_than_any_of_these_files_may_have(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / GRANT).write_bytes(bytes(LONGEST_BYTES + 1))
    assert Mounted(tmp_path).read(GRANT) == bytes(LONGEST_BYTES)


def test_what_is_not_there_is_none_and_is_removed_without_a_word(tmp_path: Path) -> None:
    stick = Mounted(tmp_path)
    assert stick.read(GRANT) is None
    stick.remove(GRANT)


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    stick = Mounted(tmp_path)
    put(stick, GRANT, b"granted")
    written = (tmp_path / FOLDER / GRANT).stat().st_ino
    put(stick, GRANT, b"granted")
    assert (tmp_path / FOLDER / GRANT).stat().st_ino == written
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == [GRANT]
