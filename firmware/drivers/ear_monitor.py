"""What is played in the headset, heard behind the limiters: the capture device that gives it back."""

import select
from array import array

import alsaaudio

from firmware.drivers.capture_switch import HeadsetGone

RATE_HZ = 16_000
PERIOD_FRAMES, PERIODS = 4_000, 8


class EarMonitor:
    """Running from now on; whoever reads it at least every two seconds misses nothing."""

    def __init__(self, device: str) -> None:
        self.device = device
        try:
            self.capture = alsaaudio.PCM(
                alsaaudio.PCM_CAPTURE,
                alsaaudio.PCM_NONBLOCK,
                device=device,
                rate=RATE_HZ,
                channels=1,
                format=alsaaudio.PCM_FORMAT_S16_LE,
                periodsize=PERIOD_FRAMES,
                periods=PERIODS,
            )
            self.capture.read()
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: what it plays cannot be heard on {device}: {error}") from error

    def read(self) -> "array[int]":
        """Every sample since it was read last."""
        samples = array("h")
        try:
            self.capture.polldescriptors_revents([(fd, select.POLLIN) for fd, _ in self.capture.polldescriptors()])
            while (got := self.capture.read())[0] != 0:
                if got[0] > 0:
                    samples.frombytes(got[1])
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: {self.device} stopped: {error}") from error
        return samples

    def close(self) -> None:
        self.capture.close()
