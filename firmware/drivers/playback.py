"""Plays a few samples in the headset, through ALSA's playback path, beside whatever else is played there."""

from array import array

import alsaaudio

from firmware.drivers.capture_switch import HeadsetGone

PERIOD_FRAMES = 320


def play(device: str, samples: "array[int]", rate_hz: int) -> None:
    """Plays to the end: blocks as long as it sounds, so call it from a thread. HeadsetGone where it cannot."""
    whole = samples + array("h", bytes(2 * (-len(samples) % PERIOD_FRAMES)))
    try:
        speaker = alsaaudio.PCM(
            alsaaudio.PCM_PLAYBACK,
            device=device,
            rate=rate_hz,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=PERIOD_FRAMES,
        )
        try:
            for start in range(0, len(whole), PERIOD_FRAMES):
                speaker.write(whole[start : start + PERIOD_FRAMES].tobytes())
            speaker.drain()
        finally:
            speaker.close()
    except alsaaudio.ALSAAudioError as error:
        raise HeadsetGone(f"headset: cannot play on {device}: {error}") from error
