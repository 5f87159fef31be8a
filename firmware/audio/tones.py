"""The tones in the dispatcher's ear: what each sounds like, and which change deserves one. Pure.

Short, told apart by rhythm and direction rather than by pitch alone, between 400 and 1,400 Hz where headsets and ears
are good, and faded in and out so that they do not click. They are mixed under a call by whatever mixes the playback
path (dmix, or a sound server); nothing here stops a call to be heard. `battery-low` is asked for by the power service.
"""

import math
from array import array
from itertools import pairwise
from typing import Literal, get_args

from firmware.facts import Call, Fact, Headset, Panel, Uplinks

Tone = Literal[
    "panic-taken", "mute-on", "mute-off", "mute-fault", "uplink-changed", "battery-low", "call-waiting", "dose-spent"
]
NAMES: tuple[str, ...] = get_args(Tone)
RATE_HZ = 16_000
FADE_S = 0.006
REST = 0.0

# (frequency in Hz, seconds); REST is silence.
NOTES: dict[Tone, tuple[tuple[float, float], ...]] = {
    "panic-taken": ((660, 0.08), (880, 0.08), (1320, 0.16)),
    "mute-on": ((880, 0.06), (587, 0.09)),
    "mute-off": ((587, 0.06), (880, 0.09)),
    "mute-fault": ((440, 0.09), (REST, 0.05), (440, 0.09), (REST, 0.05), (440, 0.09)),
    "uplink-changed": ((740, 0.04), (REST, 0.04), (740, 0.04)),
    "battery-low": ((784, 0.12), (659, 0.12), (523, 0.2)),
    "call-waiting": ((440, 0.3),),
    "dose-spent": ((523, 0.08), (440, 0.08), (523, 0.08), (440, 0.08)),
}


def samples(tone: Tone, level_dbfs: float) -> "array[int]":
    """The tone as 16-bit mono at RATE_HZ; `level_dbfs` is that of its sines, 0 dBFS full scale."""
    peak = 32767 * 10 ** (level_dbfs / 20)
    values = array("h")
    for frequency_hz, seconds in NOTES[tone]:
        count = round(seconds * RATE_HZ)
        values.extend(round(peak * _sine(frequency_hz, index) * _fade(index, count)) for index in range(count))
    return values


def _sine(frequency_hz: float, index: int) -> float:
    return math.sin(2 * math.pi * frequency_hz * index / RATE_HZ)


def _fade(index: int, count: int) -> float:
    """A raised cosine over FADE_S at either end."""
    edge = min(1.0, min(index, count - 1 - index) / (FADE_S * RATE_HZ))
    return 0.5 - 0.5 * math.cos(math.pi * edge)


def duration_s(tone: Tone) -> float:
    return sum(seconds for _, seconds in NOTES[tone])


def alike(one: Tone, other: Tone) -> bool:
    """Whether a listener would have to guess: the same rhythm going the same way."""
    return _shape(one) == _shape(other)


def _shape(tone: Tone) -> tuple[int, tuple[int, ...]]:
    pitches = [frequency_hz for frequency_hz, _ in NOTES[tone]]
    return len(pitches), tuple((after > before) - (after < before) for before, after in pairwise(pitches))


def for_change(before: Fact | None, now: Fact | None) -> Tone | None:
    """The tone a change of one service's fact deserves; None for none, and for a service that came or went."""
    match before, now:
        case Headset(), Headset() if now.shift_dose_spent and before.shift_dose_spent is False:
            return "dose-spent"
        case Headset(), Headset():
            return _mute(before, now)
        case Panel(), Panel() if now.panic == "raised" and before.panic != "raised":
            return "panic-taken"
        case Uplinks(), Uplinks() if _moved(before, now):
            return "uplink-changed"
        case Call(), Call() if _rings(now) and not _rings(before):
            return "call-waiting"
    return None


def _mute(before: Headset, now: Headset) -> Tone | None:
    if now.mute_state == before.mute_state or not now.present:
        return None
    if now.mute_state == "live":
        return "mute-off" if before.mute_state in ("muted", "fault") else None
    return {"muted": "mute-on", "fault": "mute-fault"}.get(now.mute_state or "")  # type: ignore[return-value]


def _moved(before: Uplinks, now: Uplinks) -> bool:
    was, is_now = _active(before), _active(now)
    return bool(was and is_now) and was != is_now


def _rings(call: Call) -> bool:
    return call.state == "ringing" or call.waiting


def _active(uplinks: Uplinks) -> str:
    return next((uplink.name for uplink in uplinks.uplinks if uplink.active), "")
