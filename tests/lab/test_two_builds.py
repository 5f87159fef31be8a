"""The same commit and the same packages make the same bits."""

import sys

import pytest

from image import build

pytestmark = pytest.mark.timeout(3600)


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def test_two_builds_are_the_same_bits() -> None:
    """Nothing of the first is at hand for the second but what was fetched and unpacked."""
    sums = []
    for _ in range(2):
        made = build.build("0.1.0", None, told, again=True)
        sums.append([build.sha256(file) for file in (made.card, made.slot.root, made.slot.boot, made.bill)])
    assert sums[0] == sums[1]
