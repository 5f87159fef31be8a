"""The short version of `make mutations-provisioning`."""

from pathlib import Path

import pytest

from hdu.failure import Failure
from tests.hdu.provision.mutations import Tries, run


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_is_refused_in_words_or_taken_whole(tmp_path: Path, seed: int) -> None:
    outcomes = run(tmp_path, 60, seed)
    assert outcomes.total() == 4 * 60
    for kind in ("labels", "site", "request", "grant"):
        assert outcomes[f"{kind} refused"] > 20


def test_what_is_not_mutated_is_taken(tmp_path: Path) -> None:
    tries = Tries(tmp_path)
    for kind, good in tries.good.items():
        tries.one(kind, good)
        assert tries.outcomes == {f"{kind} taken": 1}
        tries.outcomes.clear()


def test_a_refusal_that_wrote_something_would_be_seen(tmp_path: Path) -> None:
    tries = Tries(tmp_path)
    (tmp_path / "made").write_text("half")
    with pytest.raises(AssertionError):
        tries._refused(Failure("hdu provision: words that are long enough to be words"), tmp_path / "base")
