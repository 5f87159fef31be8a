"""Hearing protection: how loud the headset may be, and what the shift has cost the ear. Pure.

The limiters in the playback path (`firmware.drivers.playback_path`) hold peaks under `limit_dbfs`; the dose is counted
from what is played behind them. Both need to know how loud the headset is at full scale; while
that is unknown, both are unknown.

Sound pressure at full scale: sensitivity in dB SPL per volt plus the level of the volts at 0 dBFS. The peak limit of
118 dB is ITU-T P.360's for headsets; exposure is the energy-equivalent level of ISO 1999 (3 dB exchange rate), judged
against 83 dB over a shift of 12 h. The A-weighting of speech is within 2 dB of flat (telephone band): it is left out,
which counts the dose higher, never lower.

A shift begins with the first sound after `shift_rest_h` without any, and lasts until there is such a rest again: it is
the ear's rest that counts, not who signs on. Unplugging, a restart and a reboot end no shift.
"""

import math

from msgspec.structs import replace

from firmware.config import HeadsetHardware
from firmware.facts import Fact

PEAK_LIMIT_DB = 118.0
SHIFT_LIMIT_DB = 83.0
SHIFT_S = 12 * 3600.0


class Dose(Fact, frozen=True):
    """Energy so far, in seconds at 0 dB SPL, and how long was measured."""

    energy_s: float = 0.0
    measured_s: float = 0.0


class Shift(Fact, frozen=True):
    """The dose of one shift; both times are those of the wall clock in seconds, None before its first sound."""

    began_at_s: float | None = None
    sound_at_s: float | None = None
    dose: Dose = Dose()


def full_scale_db(sensitivity_db_spl_per_v: float | None, full_scale_v: float | None) -> float | None:
    """Sound pressure level of a full-scale sine; None where the sensitivity or the card's volts are unknown."""
    if sensitivity_db_spl_per_v is None or full_scale_v is None:
        return None
    return sensitivity_db_spl_per_v + 20 * math.log10(full_scale_v)


def loudness(hardware: HeadsetHardware) -> float | None:
    """`full_scale_db` of the headset as configured."""
    return full_scale_db(hardware.sensitivity_db_spl_per_v, hardware.full_scale_v)


def limit_dbfs(at_full_scale_db: float | None) -> float | None:
    """What the limiter is set to, in dBFS of the peak: at most 0, None while the headset is unknown."""
    if at_full_scale_db is None:
        return None
    return min(0.0, PEAK_LIMIT_DB - at_full_scale_db)


def played(dose: Dose, level_dbfs: float, seconds: float, at_full_scale_db: float) -> Dose:
    """`dose` after `seconds` at the RMS level `level_dbfs` (0 dBFS a full-scale sine)."""
    energy_s = seconds * 10 ** ((level_dbfs + at_full_scale_db) / 10)
    return Dose(energy_s=dose.energy_s + energy_s, measured_s=dose.measured_s + seconds)


def sounded(
    shift: Shift, level_dbfs: float, seconds: float, at_full_scale_db: float, now_s: float, rest_s: float
) -> Shift:
    """The shift after a sound that ended at `now_s`; a clock that was put back ends no shift."""
    if shift.sound_at_s is None or now_s - seconds - shift.sound_at_s >= rest_s:
        shift = Shift(began_at_s=now_s - seconds)
    return replace(shift, dose=played(shift.dose, level_dbfs, seconds, at_full_scale_db), sound_at_s=now_s)


def shift_db(dose: Dose) -> float | None:
    """The shift's exposure so far as a level over 12 h, as ISO 1999 has it; None for no sound yet."""
    return 10 * math.log10(dose.energy_s / SHIFT_S) if dose.energy_s > 0 else None


def used(dose: Dose) -> float:
    """The part of the shift's allowance that is used up: 1.0 is all of it."""
    return dose.energy_s / (SHIFT_S * 10 ** (SHIFT_LIMIT_DB / 10))
