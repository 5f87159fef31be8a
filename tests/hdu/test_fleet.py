"""`hdu fleet` over a console's document, and its guard on a real repository."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.release import fetch
from firmware.release.policy import Situation, decide
from hdu import cli
from hub.updates.repository import Repository
from tests.hdu.test_publish import ROLL_OUT, Agency, agency, client, released, serving

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


def test_the_guard_watches_everything_that_is_published(released: Agency) -> None:
    words = ("fleet", "--guard", released.repository, "--online", released.folder / "online.key", "--from")
    well = hub(released.folder, failed=2, proven=4)
    assert "stopped" not in released.hdu(*words, well)
    ill = hub(released.folder, failed=3, proven=4)
    assert "stopped hdu-1.0: canary: 3 of 7" in released.hdu(*words, ill, status=1).replace("\n", " ")
    assert Repository(released.repository).halted() == ["hdu-1.0"]


def test_a_unit_sees_the_stop_and_waits(released: Agency, tmp_path: Path) -> None:
    """The real files: the guard's stop is signed by the online key, and each unit's policy obeys it."""
    at = hub(released.folder, failed=3, proven=4)
    words = ("fleet", "--from", at, "--roll-out", released.folder / "rollout.toml")
    released.hdu(*words, "--guard", released.repository, "--online", released.folder / "online.key", status=1)
    with serving(released.public) as url:
        found = fetch.look(client(released, url))
    assert found.halted == ("hdu-1.0",)
    here = Situation(
        unit="a", ring="canary", booted="0.9", on_shift=False, in_call=False, on_mains=True, over_lte=False
    )
    decision = decide(found.roll_outs, msgspec.structs.replace(here, halted=frozenset(found.halted)), 0.0)
    assert (decision.action, decision.reason) == ("wait", "hdu-1.0 is stopped")
    assert decide(found.roll_outs, here, 0.0).action == "install"


def test_every_unit_and_who_refuses_the_repository_is_told(
    released: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    now = datetime.now(UTC).isoformat()
    refuses = {"ring": "early", "proven": True, "site": "4", "site_proven": True, "refused": "update refused: expired"}
    waits = {"ring": "all", "proven": None, "site": "5", "site_proven": None, "reason": "on shift"}
    units = [{"unit": "a", "last_seen": now, "version": "1.0", "update": refuses}]
    units += [{"unit": "b", "last_seen": now, "version": "1.1", "update": waits}]
    (tmp_path / "hub.json").write_text(json.dumps({"units": units}))
    said = released.hdu("fleet", "--from", tmp_path / "hub.json", "--units")
    assert "1 found the repository not right: update refused: expired" in said
    assert "on shift" in said and "5 (on trial)" in said and "unknown" in said
    found = json.loads(released.hdu("fleet", "--from", tmp_path / "hub.json", "--json"))
    assert found["refusals"] == [["update refused: expired", 1]]


@pytest.mark.parametrize("words", [["fleet"], ["publish"], ["sign", "nothing"], ["publish", "stage", "x", "--other"]])
def test_a_wrong_call_is_one_line_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hdu {words[0]}") and said.count("\n") == 1 and "--help" in said


@pytest.mark.parametrize("content", [b"", b"[]", b'{"units": 3}', b'{"units": [{"unit": 1}]}'])
def test_a_document_that_is_none_is_refused_in_words(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.json").write_bytes(content)
    assert cli.main(["fleet", "--from", str(tmp_path / "hub.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err
