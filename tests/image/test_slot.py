"""The root as it is packed, without a build: who may write what."""

import tarfile
from pathlib import Path

from image import slot


def test_everything_is_root_s_and_nobody_else_may_write_it_the_root_itself_too(tmp_path: Path) -> None:
    tree = tmp_path / "root"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/hdu").write_text("")
    for path in (tree, tree / "usr", tree / "usr/bin/hdu"):
        path.chmod(0o777)
    with tarfile.open(slot.archive(tree, {"usr/bin": (5, 6, 0o750)}, tmp_path / "root.tar")) as found:
        kept = {each.name: (each.uid, each.gid, each.mode) for each in found}
    assert kept == {
        ".": (0, 0, 0o755),
        "usr": (0, 0, 0o755),
        "usr/bin": (5, 6, 0o750),
        "usr/bin/hdu": (0, 0, 0o755),
    }
