"""What the agency's phone says: sentences a caller would say, from espeak-ng, as 16 kHz mono WAV."""

import array
import subprocess
import sys
import wave
from pathlib import Path

RATE_HZ = 16_000
SENTENCES = (
    "Nine one one, what is the address of the emergency?",
    "There is smoke in the kitchen, at twelve Oak Street, on the second floor.",
    "My father has fallen on the stairs, he is breathing but he does not answer me.",
    "Two cars have crashed on the bridge, one of them is on its roof.",
)


def write(target: Path, seconds: float = 60.0) -> None:
    """The sentences over and over, with half a second between, until `seconds` are full."""
    said = array.array("h")
    for sentence in SENTENCES:
        said += _spoken(sentence) + array.array("h", bytes(RATE_HZ))
    wanted = int(seconds * RATE_HZ)
    samples = (said * (wanted // len(said) + 1))[:wanted]
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())


def _spoken(sentence: str) -> "array.array[int]":
    """espeak-ng gives 22.05 kHz; every sample of ours is the line between two of its."""
    wav = subprocess.run(["espeak-ng", "-s", "150", "--stdout", sentence], capture_output=True, check=True).stdout
    given = array.array("h", wav[44 : 44 + (len(wav) - 44) // 2 * 2])
    if sys.byteorder == "big":
        given.byteswap()
    step = 22_050 / RATE_HZ
    return array.array("h", (_between(given, n * step) for n in range(int((len(given) - 1) / step))))


def _between(given: "array.array[int]", at: float) -> int:
    left = int(at)
    return round(given[left] + (given[left + 1] - given[left]) * (at - left))
