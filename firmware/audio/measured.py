"""What is measured of a headset, as the bus is told it: without one, what it would measure is unknown. Pure."""

from firmware import facts
from firmware.audio.level import Meter
from firmware.audio.mute.state import State


def fact(name: str | None, state: State, meter: Meter, level_dbfs: float | None, overruns: int) -> facts.Headset:
    """`name` is None while there is no headset; `level_dbfs` is what the meter shows."""
    there = name is not None
    return facts.Headset(
        present=there,
        name=name or "",
        muted=state.off if there else None,
        mute_proven=state.proven,
        mute_state=state.lamp,
        capture_cut=state.gate_shut if there else None,
        level_dbfs=_rounded(level_dbfs),
        noise_floor_dbfs=_rounded(meter.noise_floor_dbfs),
        clipping=meter.clipping if there else None,
        microphone_dead=meter.dead if there else None,
        overruns=overruns,
    )


def _rounded(level_dbfs: float | None) -> float | None:
    return None if level_dbfs is None else round(level_dbfs)
