"""What is put into the twin's microphone, and what is heard behind it: 16-bit mono at RATE_HZ, little endian. Pure."""

import math
import random
import sys
from array import array

RATE_HZ = 8_000
SPEECH_S = 4
ROOM_DBFS = -62.0


def pcm(values: list[float]) -> bytes:
    """Values between -1 and 1 as samples; what is outside is clipped."""
    samples = array("h", (max(-32768, min(32767, round(each * 32767))) for each in values))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def rms(data: bytes) -> float:
    """0.0 to 1.0; exactly 0.0 for digital silence and for nothing."""
    samples = array("h", data[: len(data) // 2 * 2])
    return math.sqrt(sum(each * each for each in samples) / len(samples)) / 32768 if samples else 0.0


def scaled(values: list[float], level_dbfs: float) -> list[float]:
    """`values` at the RMS level `level_dbfs`, where 0 dBFS is a full-scale sine."""
    mean = math.sqrt(sum(each * each for each in values) / len(values))
    factor = 10 ** (level_dbfs / 20) / math.sqrt(2) / mean
    return [each * factor for each in values]


def room(level_dbfs: float = ROOM_DBFS) -> bytes:
    """A second of a quiet room."""
    source = random.Random(911)
    return pcm(scaled([source.gauss(0, 1) for _ in range(RATE_HZ)], level_dbfs))


def speech(level_dbfs: float) -> bytes:
    """Four seconds like speech: a voiced sound with a moving pitch and four syllables a second, never quite silent."""
    return pcm(scaled([_voice(index / RATE_HZ) for index in range(RATE_HZ * SPEECH_S)], level_dbfs))


def _voice(at_s: float) -> float:
    pitch = 2 * math.pi * (130 * at_s + 4 * math.sin(2 * math.pi * at_s / SPEECH_S))
    syllable = 0.15 + abs(math.sin(4 * math.pi * at_s))
    return syllable * sum(math.sin(pitch * harmonic) / harmonic for harmonic in (1, 2, 3, 5, 8, 12))
