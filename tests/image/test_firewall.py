"""The image's ruleset: the same verdicts for a stranger as the one that the bench lays on each uplink."""

import re
import shutil
import subprocess

import pytest

from firmware.failover.firewall import ruleset
from image.places import IMAGE

FILE = IMAGE / "root/etc/nftables.conf"


def stranger(text: str) -> list[str]:
    match = re.search(r"chain uplink \{\n(.*?)\n  \}", text, re.DOTALL)
    assert match
    return [line.strip() for line in match[1].splitlines()]


def test_a_stranger_gets_the_same_as_on_the_bench() -> None:
    assert stranger(FILE.read_text()) == stranger(ruleset(["wan0"]))


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is not among the unpacked packages")
def test_nft_takes_it() -> None:
    done = subprocess.run(["nft", "--check", "-f", str(FILE)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("needs a network namespace of its own (bench/machine/enter)")
    assert done.returncode == 0, done.stderr
