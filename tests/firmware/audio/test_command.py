"""The commanded mute on disk: what is in doubt is muted, and the panel's press is never written over."""

from pathlib import Path

import pytest

from firmware.audio.command import CommandFile, commanded
from firmware.kept import replace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mute"


def press(file: Path, word: str) -> None:
    """As the panel does."""
    replace(file, word.encode(), durable=True)


def test_the_command_is_what_the_file_says_and_doubt_is_muted(file: Path) -> None:
    assert commanded(file) is False
    command = CommandFile(file)
    assert command.pressed() is False
    for muted in (True, False):
        assert command.store(muted)
        assert commanded(file) is muted
    file.write_bytes(b"\xff\x00torn")
    assert commanded(file) is True
    assert [each.name for each in file.parent.iterdir()] == ["mute"]


def test_each_press_of_the_panel_is_told_once_and_what_we_wrote_is_none(file: Path) -> None:
    command = CommandFile(file)
    assert [command.pressed(), command.pressed()] == [False, None]
    press(file, "muted")
    assert [command.pressed(), command.pressed()] == [True, None]
    press(file, "muted")
    assert command.pressed() is True
    assert command.store(False)
    assert command.pressed() is None


def test_the_headsets_own_button_does_not_write_over_a_press_of_the_panel(file: Path) -> None:
    command = CommandFile(file)
    command.pressed()
    press(file, "muted")
    assert not command.store(False)
    assert (commanded(file), command.pressed()) == (True, True)
    assert [each.name for each in file.parent.iterdir()] == ["mute"]
