"""What the bus is told of a headset, there or not."""

from firmware.audio.level import Meter
from firmware.audio.measured import fact
from firmware.audio.mute.state import State

OPEN = State(muted=False, attached=True, phase="open", off=False, gate_shut=False)


def test_a_level_is_told_in_whole_decibels() -> None:
    told = fact("Jabra", OPEN, Meter(noise_floor_dbfs=-61.4, clipping=False, dead=False), -42.6, 3)
    assert (told.present, told.name, told.level_dbfs, told.noise_floor_dbfs) == (True, "Jabra", -43, -61)
    assert (told.muted, told.mute_state, told.capture_cut, told.overruns) == (False, "live", False, 3)
    assert (told.clipping, told.microphone_dead) == (False, False)


def test_what_was_measured_of_a_headset_that_has_gone_is_unknown() -> None:
    told = fact(None, OPEN, Meter(clipping=True, dead=True), None, 0)
    assert (told.present, told.name, told.level_dbfs) == (False, "", None)
    assert (told.muted, told.capture_cut, told.clipping, told.microphone_dead) == (None, None, None, None)
