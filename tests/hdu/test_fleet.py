"""`hdu fleet` over a console's document, and its guard on a real repository."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hdu import cli
from hub.updates.repository import Repository
from tests.hdu.test_publish import ROLL_OUT, Agency, agency, released

__all__ = ["agency", "released"]  # fixtures


def hub(folder: Path, failed: int, proven: int) -> Path:
    """A /hub.json of canaries: some that went back, some that run the release, one silent, one that never spoke."""
    now, old = (datetime.fromtimestamp(time.time() - ago, UTC).isoformat() for ago in (0, 7_200))
    good = {"ring": "canary", "proven": True}
    bad = {"ring": "canary", "proven": True, "failed_version": "1.0", "failed": "panel did not answer"}
    units: list[dict[str, Any]] = [
        *({"unit": f"b{n}", "last_seen": now, "version": "0.9", "update": bad} for n in range(failed)),
        *({"unit": f"g{n}", "last_seen": now, "version": "1.0", "update": good} for n in range(proven)),
        {"unit": "quiet", "last_seen": old, "version": "0.9", "update": good},
        {"unit": "new", "last_seen": None, "online": None},
    ]
    at = folder / "hub.json"
    at.write_text(json.dumps({"at": now, "units": units}))
    return at


def test_who_runs_what_who_failed_and_why_who_is_silent(released: Agency) -> None:
    at = hub(released.folder, failed=2, proven=4)
    said = released.hdu("fleet", "--from", at, "--roll-out", released.folder / "rollout.toml", "--json")
    found = json.loads(said)
    assert found["versions"] == {"0": 1, "0.9": 3, "1.0": 4}
    assert found["silent"] == ["quiet", "new"]
    assert found["failures"] == [["panel did not answer", 2]]
    canary = found["rings"][0]
    assert (canary["proven"], canary["failed"], canary["silent"], found["stop"]) == (4, 2, 1, "")


def test_the_guard_stops_a_roll_out_past_its_limit_once(released: Agency) -> None:
    (released.folder / "rollout.toml").write_bytes(ROLL_OUT)
    at = hub(released.folder, failed=3, proven=4)
    words = ("fleet", "--from", at, "--roll-out", released.folder / "rollout.toml")
    more = ("--guard", released.repository, "--online", released.folder / "online.key")
    assert "stopped hdu-1.0: canary: 3 of 7" in released.hdu(*words, *more, status=1).replace("\n", " ")
    assert Repository(released.repository).halted() == ["hdu-1.0"]
    assert "is stopped already" in released.hdu(*words, *more, status=1)
    released.hdu("publish", "resume", released.repository, "hdu-1.0", "--online", released.folder / "online.key")
    assert Repository(released.repository).halted() == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"units": 3}', b'{"units": [{"unit": 1}]}'])
def test_a_document_that_is_none_is_refused_in_words(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.json").write_bytes(content)
    assert cli.main(["fleet", "--from", str(tmp_path / "hub.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err
