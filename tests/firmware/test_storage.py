"""How the data partition is kept, as the initrd says it: known, unknown, and never better than said."""

from pathlib import Path

import pytest

from firmware.facts import Storage
from firmware.storage import opened
from hdu.status import kept


def test_what_the_initrd_said_is_told(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text('{"encrypted":false,"reason":"this board has no secret","lost":false}\n')
    assert opened(said) == Storage(encrypted=False, reason="this board has no secret", lost=False)
    assert kept(opened(said)) == "NOT encrypted: this board has no secret"


@pytest.mark.parametrize("content", ["", "{", '{"encrypted":1}', "\xff"])
def test_what_cannot_be_read_is_unknown(tmp_path: Path, content: str) -> None:
    said = tmp_path / "said"
    said.write_text(content, encoding="latin-1")
    assert opened(said) == Storage()
    assert kept(opened(said)) == "unknown"


def test_without_an_initrd_of_ours_it_is_unknown(tmp_path: Path) -> None:
    assert opened(tmp_path / "none") == Storage()


def test_what_was_lost_is_told_with_it() -> None:
    assert "lost" in kept(Storage(encrypted=True, lost=True))
