"""Which files that stand for disks may be written together."""

from pathlib import Path

import pytest

from hdu.failure import Failure
from hdu.flash.choosing import chosen
from image.flash.blockmap import BlockMap

MAP = BlockMap(size=4_096, ranges=())


def disk(at: Path, size: int) -> str:
    at.write_bytes(b"\0" * size)
    return str(at)


def test_each_is_chosen_as_named(tmp_path: Path) -> None:
    names = [disk(tmp_path / each, 4_096) for each in ("b", "a")]
    assert [str(path) for _, path in chosen(names, MAP)] == names


def test_one_disk_by_two_names_is_refused(tmp_path: Path) -> None:
    name = disk(tmp_path / "a", 4_096)
    with pytest.raises(Failure, match="named twice") as refused:
        chosen([name, str(tmp_path / "." / ".." / tmp_path.name / "a")], MAP)
    assert refused.value.status == 2


def test_one_that_is_too_small_is_named(tmp_path: Path) -> None:
    names = [disk(tmp_path / "large", 8_192), disk(tmp_path / "small", 4_095)]
    with pytest.raises(Failure, match=r"too small for .*: small; take a larger one") as refused:
        chosen(names, MAP)
    assert refused.value.status == 2
