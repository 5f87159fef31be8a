"""Consent is a hand's at the panel, holds for as long as it was given for, and is nobody else's to give."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.buttons.panelfiles import PanelFiles
from firmware.remote_help import consent
from firmware.remote_help.consent import Consent, left_s

ME = os.getuid()


@given(st.floats(0, 1e9), st.floats(-1e9, 1e9), st.floats(1, 120))
def test_it_never_holds_for_longer_than_it_was_given_for(given_s: float, now_s: float, minutes: float) -> None:
    left = left_s(Consent(given_s=given_s), now_s, minutes)
    assert 0 <= left <= minutes * 60 + 1e-6
    assert left == 0 or given_s <= now_s


@pytest.mark.parametrize(("now_s", "left"), [(99.0, 0), (100.0, 600), (400.0, 300), (699.0, 1), (700.0, 0), (1e6, 0)])
def test_ten_minutes_are_ten_minutes(now_s: float, left: float) -> None:
    assert left_s(Consent(given_s=100.0), now_s, 10) == left


def test_none_is_none() -> None:
    assert left_s(None, 100.0, 10) == 0


def test_the_panel_gives_it_and_takes_it_back(tmp_path: Path) -> None:
    files = PanelFiles(tmp_path / "data", tmp_path)
    files.consent()
    found = consent.given(tmp_path / consent.FILE, ME)
    assert found and left_s(found, consent.since_boot_s(), 30) > 1790
    files.take_back()
    assert consent.given(tmp_path / consent.FILE, ME) is None


def test_nobody_else_s_file_is_a_consent(tmp_path: Path) -> None:
    file = tmp_path / consent.FILE
    PanelFiles(tmp_path / "data", tmp_path).consent()
    assert consent.given(file, ME + 1) is None
    os.link(file, tmp_path / "kept for later")
    assert consent.given(file, ME) is None
    file.unlink()
    file.symlink_to(tmp_path / "kept for later")
    assert consent.given(file, ME) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"at":""}', b'{"given_s":1,"at":"","crc32":"00000000"}'])
def test_what_is_damaged_is_no_consent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / consent.FILE).write_bytes(content)
    assert consent.given(tmp_path / consent.FILE, ME) is None
