"""The audio self-test before a shift: a sweep out, heard back, and a verdict in words. The judging is pure.

What is heard back comes by the headset's own loop or by the acoustic path from the earpiece to the microphone (hold
them together). The delay is where the normalised cross-correlation of what was sent and heard peaks; the gain is the
ratio of the two there. Below MATCH nothing of ours was heard.
"""

import math
import operator
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate

from firmware.audio.level import FULL_SCALE
from firmware.facts import Fact

RATE_HZ = 8_000
SWEEP_S = 0.25
FROM_HZ, TO_HZ = 300.0, 3_400.0
PEAK_DBFS = -20.0
MATCH = 0.35
SLOW_MS, QUIET_DB, NOISY_DBFS = 250.0, -50.0, -40.0
COARSE, THIN = 4, 2


class Echo(Fact, frozen=True):
    """What came back: `match` from 0 (nothing of ours) to 1 (nothing else), the delay, and how much weaker it was."""

    match: float
    delay_ms: float | None = None
    gain_db: float | None = None


class Verdict(Fact, frozen=True):
    """Whether one may take calls with this headset, and every finding in words."""

    fit: bool
    findings: tuple[str, ...]


def sweep() -> "array[int]":
    """A sine rising evenly through the telephone band, faded at both ends."""
    count = round(SWEEP_S * RATE_HZ)
    peak = FULL_SCALE * 10 ** (PEAK_DBFS / 20)
    return array("h", (round(peak * _fade(index, count) * math.sin(_phase(index / RATE_HZ))) for index in range(count)))


def _phase(at_s: float) -> float:
    return 2 * math.pi * (FROM_HZ * at_s + (TO_HZ - FROM_HZ) * at_s * at_s / (2 * SWEEP_S))


def _fade(index: int, count: int) -> float:
    edge = min(1.0, min(index, count - 1 - index) / (count / 20))
    return 0.5 - 0.5 * math.cos(math.pi * edge)


def find(sent: Sequence[int], heard: Sequence[int]) -> Echo:
    """Where in `heard` the sound `sent` is: a short stretch first, of tones low enough for every other sample, at every
    other place; then the whole around the best."""
    last = len(heard) - len(sent)
    if last < 0 or not any(heard):
        return Echo(match=0.0)
    part, thin = sent[: len(sent) // COARSE : THIN], heard[::THIN]
    likely = THIN * max(range(last // THIN + 1), key=_likeness(part, thin))
    near = range(max(0, likely - COARSE), min(last, likely + COARSE) + 1)
    whole = _likeness(sent, heard)
    best = max(near, key=whole)
    match = whole(best)
    if match < MATCH:
        return Echo(match=match)
    window = heard[best : best + len(sent)]
    return Echo(match=match, delay_ms=best * 1000 / RATE_HZ, gain_db=_gain_db(sent, window))


def _likeness(sent: Sequence[int], heard: Sequence[int]) -> Callable[[int], float]:
    """How like `sent` what is heard from a sample on is: the normalised cross-correlation, 0 to 1 whatever its sign.

    The energies are summed once: this is what the self test takes its time for, on a Pi.
    """
    count, own = len(sent), _dot(sent, sent)
    energies = [0, *accumulate(map(operator.mul, heard, heard))]

    def at(start: int) -> float:
        energy = own * (energies[start + count] - energies[start])
        return abs(_dot(sent, heard[start : start + count])) / math.sqrt(energy) if energy else 0.0

    return at


def _gain_db(sent: Sequence[int], heard: Sequence[int]) -> float:
    return 20 * math.log10(abs(_dot(sent, heard)) / _dot(sent, sent))


def _dot(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(map(operator.mul, one, other))


def judge(echo: Echo, noise_floor_dbfs: float | None, clipping: bool | None) -> Verdict:
    """The verdict in words; each finding says what to do about it, and the last what was measured."""
    checks = (_heard(echo), _slow(echo), _room(noise_floor_dbfs), _clipped(clipping))
    findings = tuple(finding for finding in checks if finding)
    verdict = findings or ("the headset works: the test tone came back",)
    return Verdict(fit=not findings, findings=(*verdict, _measured(echo, noise_floor_dbfs)))


def _measured(echo: Echo, noise_floor_dbfs: float | None) -> str:
    """The figures behind the verdict, for whoever is asked about them."""
    delay = "unknown" if echo.delay_ms is None else f"{echo.delay_ms:.0f} ms"
    level = "unknown" if echo.gain_db is None else f"{PEAK_DBFS + echo.gain_db:.0f} dBFS ({echo.gain_db:+.0f} dB)"
    floor = "unknown" if noise_floor_dbfs is None else f"{noise_floor_dbfs:.0f} dBFS"
    return f"round trip {delay}, level {level}, noise floor of the room {floor}"


def _heard(echo: Echo) -> str:
    if echo.delay_ms is None or echo.gain_db is None:
        return "nothing was heard back: hold the earpiece to the microphone, check that neither is muted, and try again"
    if echo.gain_db < QUIET_DB:
        return f"heard back {-echo.gain_db:.0f} dB weaker than sent: turn it up, or change its microphone cover"
    return ""


def _slow(echo: Echo) -> str:
    if echo.delay_ms is not None and echo.delay_ms > SLOW_MS:
        return f"heard back only after {echo.delay_ms:.0f} ms: unplug the headset, plug it in again, and try again"
    return ""


def _room(noise_floor_dbfs: float | None) -> str:
    if noise_floor_dbfs is None:
        return "the room was not measured: the microphone gave nothing; check that it is plugged in and not muted"
    if noise_floor_dbfs > NOISY_DBFS:
        return f"the room is loud ({noise_floor_dbfs:.0f} dBFS): close the door and the window"
    return ""


def _clipped(clipping: bool | None) -> str:
    return "the microphone is overdriven: move it away from the mouth, or turn it down" if clipping else ""
