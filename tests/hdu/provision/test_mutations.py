"""The short version of `make mutations-provisioning`."""

from pathlib import Path

import pytest

from hdu.failure import Failure
from tests.hdu.provision.mutations import Tries, run


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_is_refused_in_words_or_taken_whole(tmp_path: Path, seed: int) -> None:
    outcomes = run(tmp_path, 60, seed)
    assert outcomes.total() == 7 * 60
    for kind in ("labels", "site", "request", "grant", "card labels", "card site", "card grant"):
        assert outcomes[f"{kind} refused"] > 20


def test_what_is_not_mutated_is_taken(tmp_path: Path) -> None:
    tries = Tries(tmp_path)
    for kind, good in tries.good.items():
        tries.one(kind, good)
        assert tries.outcomes == {f"{kind} taken": 1}
        tries.outcomes.clear()


def test_a_name_that_turns_the_line_around_is_shown_escaped(tmp_path: Path) -> None:
    tries = Tries(tmp_path)
    tries.one("request", tries.good["request"].replace(b'"signature"', '"sign\u202eture"'.encode()))
    assert tries.outcomes == {"request refused": 1}


def test_a_request_of_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    """The version's byte, in base64 at this place: 0 becomes 4."""
    tries = Tries(tmp_path)
    good = tries.good["request"]
    assert b"UCAQAwEz" in good
    tries.one("request", good.replace(b"UCAQAwEz", b"UCAQQwEz"))
    assert tries.outcomes == {"request refused": 1}


def test_a_refusal_that_wrote_something_would_be_seen(tmp_path: Path) -> None:
    tries = Tries(tmp_path)
    (tmp_path / "made").write_text("half")
    with pytest.raises(AssertionError):
        tries._refused(Failure("hdu provision: words that are long enough to be words"), tmp_path / "base")
