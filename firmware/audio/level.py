"""What comes out of the microphone, in numbers: level, clipping, noise floor, a dead microphone. Pure.

Samples are 16-bit signed, one channel. Levels are RMS with 0 dBFS a full-scale sine (AES17-2015, 3.12.1), so full-scale
noise may read a little above 0; nothing reads below FLOOR_DBFS, which is digital silence. Silence is judged by the
peak, not by the mean: one loud sample is sound.
"""

import math
from array import array

from msgspec.structs import replace

from firmware.config import HeadsetPolicy
from firmware.facts import Fact

FULL_SCALE = 32768
FLOOR_DBFS = -100.0
METER_S = 0.1
FLOOR_LEVELS = 50
CLIP_HOLD_S = 2.0


class Period(Fact, frozen=True):
    """One capture period, measured once: its length, energy, whether it clipped, how much of its end was silent."""

    period_s: float
    samples: int
    energy: float
    clipped: bool
    silent_tail_s: float


def limit(silence_dbfs: float) -> int:
    """The largest sample that is still silence."""
    return int(FULL_SCALE * 10 ** (silence_dbfs / 20))


def measure(samples: "array[int]", rate_hz: int, silence_dbfs: float) -> Period:
    """`samples` must not be empty. The root of the energy bounds every sample: most are never looked at one by one."""
    root, largest = math.hypot(*samples), limit(silence_dbfs)
    quiet = len(samples) if root <= largest else _tail(samples, largest)
    seconds = len(samples) / rate_hz
    return Period(
        period_s=seconds,
        samples=len(samples),
        energy=root * root,
        clipped=root >= FULL_SCALE - 1 and max(max(samples), -min(samples)) >= FULL_SCALE - 1,
        silent_tail_s=seconds if quiet == len(samples) else quiet / rate_hz,
    )


def _tail(samples: "array[int]", largest: int) -> int:
    """How many samples at the end are silence."""
    return next((count for count, sample in enumerate(reversed(samples)) if abs(sample) > largest), len(samples))


def dbfs(energy: float, samples: int) -> float:
    """RMS level of `samples` samples with the sum of squares `energy`."""
    if not samples or energy <= 0:
        return FLOOR_DBFS
    return max(10 * math.log10(2 * energy / samples / FULL_SCALE**2), FLOOR_DBFS)


class Meter(Fact, frozen=True):
    """The running measurement; `level_dbfs` is over the last METER_S, the noise floor its lowest in 5 to 10 s."""

    level_dbfs: float | None = None
    noise_floor_dbfs: float | None = None
    clipping: bool | None = None
    dead: bool | None = None
    energy: float = 0.0
    samples: int = 0
    gathered_s: float = 0.0
    clip_s: float = 0.0
    silent_s: float = 0.0
    lowest_now: float | None = None
    lowest_before: float | None = None
    levels: int = 0


def meter(state: Meter, period: Period, live: bool, policy: HeadsetPolicy) -> Meter:
    """`state` after one period. Only a live microphone says something about the room and about itself."""
    state = _clipping(_level(state, period), period)
    state = _room(state) if live and state.gathered_s == 0 else state
    return _dead(state, period, policy) if live else replace(state, silent_s=0.0)


def _room(state: Meter) -> Meter:
    """The noise floor after one more level; digital silence says nothing about a room."""
    if state.level_dbfs is None or state.level_dbfs <= FLOOR_DBFS:
        return state
    lowest = state.level_dbfs if state.lowest_now is None else min(state.level_dbfs, state.lowest_now)
    floor = lowest if state.lowest_before is None else min(lowest, state.lowest_before)
    state = replace(state, lowest_now=lowest, noise_floor_dbfs=floor, levels=state.levels + 1)
    if state.levels < FLOOR_LEVELS:
        return state
    return replace(state, lowest_before=lowest, lowest_now=None, levels=0)


def _level(state: Meter, period: Period) -> Meter:
    energy, samples = state.energy + period.energy, state.samples + period.samples
    gathered_s = state.gathered_s + period.period_s
    if gathered_s < METER_S * 0.99:
        return replace(state, energy=energy, samples=samples, gathered_s=gathered_s)
    return replace(state, level_dbfs=dbfs(energy, samples), energy=0.0, samples=0, gathered_s=0.0)


def _clipping(state: Meter, period: Period) -> Meter:
    clip_s = CLIP_HOLD_S if period.clipped else max(state.clip_s - period.period_s, 0.0)
    return replace(state, clip_s=clip_s, clipping=clip_s > 0)


def _dead(state: Meter, period: Period, policy: HeadsetPolicy) -> Meter:
    """A working capsule has a noise floor; digital silence from a live microphone, for long, is a dead one."""
    if period.silent_tail_s < period.period_s:
        return replace(state, silent_s=0.0, dead=False)
    silent_s = state.silent_s + period.period_s
    return replace(state, silent_s=silent_s, dead=True if silent_s >= policy.dead_microphone_s else state.dead)


def shown(before: float | None, now: float | None) -> float | None:
    """What the meter shows: a level that moved less than 1 dB is not worth a message to everybody."""
    return before if before is not None and now is not None and abs(now - before) < 1.0 else now
