"""Compares what was heard with what was said: where they lie over each other, and where sound is missing. Pure."""

import math
from array import array
from collections.abc import Sequence

FRAME_MS = 10
SAID_DBFS, MISSING_DB = -45.0, 25.0
PIECE, REACH, FIRST = 200, 60, 300


def levels(samples: "array[int]", rate_hz: int) -> list[float]:
    """The level of each 10 ms in dBFS, -120 for digital silence."""
    size = rate_hz * FRAME_MS // 1000
    return [_dbfs(samples[at : at + size]) for at in range(0, len(samples) - size + 1, size)]


def _dbfs(samples: Sequence[int]) -> float:
    power = sum(value * value for value in samples) / len(samples)
    return 10 * math.log10(power / 32_768**2) if power else -120.0


def offset(said: Sequence[float], heard: Sequence[float], among: range | None = None) -> int:
    """How many frames into `said` the first of `heard` lies: where the two levels run most alike."""
    lags = among if among is not None else range(len(said) - len(heard) + 1)
    return max(lags, key=lambda lag: _likeness(said[lag : lag + len(heard)], heard))


def laid(said: Sequence[float], heard: Sequence[float]) -> list[int]:
    """For each PIECE of `heard`, the frame of `said` it begins at; the first lies within FIRST of its beginning.

    What is heard slips against what is said by no more than REACH from one piece to the next.
    """
    at, found = offset(said, heard[: 4 * PIECE], range(FIRST)), []
    for first in range(0, len(heard) - PIECE + 1, PIECE):
        near = range(max(0, at - REACH), min(len(said) - PIECE, at + REACH) + 1)
        if not near:
            break
        at = offset(said, heard[first : first + PIECE], near)
        found.append(at)
        at += PIECE
    return found


def _likeness(one: Sequence[float], other: Sequence[float]) -> float:
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    a, b = [value - mean_one for value in one], [value - mean_other for value in other]
    size = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0.0


def gap_ms(said: Sequence[float], heard: Sequence[float]) -> int:
    """The longest time in which sound was said and none was heard; the two lie over each other."""
    longest = current = 0
    for level, come in zip(said, heard, strict=False):
        current = current + FRAME_MS if level > SAID_DBFS and come < level - MISSING_DB else 0
        longest = max(longest, current)
    return longest
