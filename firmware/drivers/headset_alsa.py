"""The headset through ALSA (`pyalsaaudio`): its capture switch, the software gate, and what the microphone gives.

Everything here is called from one thread. When the headset goes, the next call raises HeadsetGone; the object is then
closed and left. An unplugged device may also abort the process.
"""

import select
from array import array

import alsaaudio

from firmware.config import HeadsetHardware
from firmware.drivers.capture_switch import CaptureSwitch, HeadsetGone
from firmware.drivers.capture_switch import find as find_switch
from firmware.drivers.headset_usb import Devices, devices

RATE_HZ = 8_000
BUFFER_S = 1.0


def locate(want: HeadsetHardware) -> Devices:
    """Where our headset is; HeadsetGone while it is not there."""
    names = devices(want)
    if names is None:
        raise HeadsetGone(
            f"headset: not one card {want.vendor_id}:{want.product_id} below {want.sysfs_root}; plug it in"
        )
    return names


def attach(names: Devices, period_ms: float) -> "Headset":
    """The headset, opened and capturing; HeadsetGone while it is not there."""
    return Headset(names, period_ms)


class Headset:
    """One headset in use. Where it has no capture switch, the gate is its switch, proven behind the gate."""

    def __init__(self, names: Devices, period_ms: float) -> None:
        self.names, self.overruns, self.period_ms = names, 0, period_ms
        own = find_switch(names.mixer)
        gate = find_switch(names.gate) if names.gate else None
        self.switch: CaptureSwitch | None = own or gate
        self.gate: CaptureSwitch | None = gate if own else None
        self.device = names.monitor if own else names.mouth
        self.capture = self._capture()

    def _capture(self) -> "alsaaudio.PCM":
        """A running capture stream; what it gives was captured from now on."""
        frames = int(RATE_HZ * self.period_ms / 1000)
        try:
            capture = alsaaudio.PCM(
                alsaaudio.PCM_CAPTURE,
                alsaaudio.PCM_NONBLOCK,
                device=self.device,
                rate=RATE_HZ,
                channels=1,
                format=alsaaudio.PCM_FORMAT_S16_LE,
                periodsize=frames,
                periods=max(2, int(RATE_HZ * BUFFER_S) // frames),
            )
            capture.read()
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: cannot capture from {self.device}: {error}") from error
        return capture

    def listen(self, period_ms: float) -> None:
        """Captures anew, with periods of `period_ms`; what was not read yet is dropped. The descriptors are new."""
        self.capture.close()
        self.period_ms = period_ms
        self.capture = self._capture()

    def capture_fds(self) -> list[int]:
        return [fd for fd, _ in self.capture.polldescriptors()]

    def mixer_fds(self) -> list[int]:
        return [fd for switch in (self.switch, self.gate) if switch for fd in switch.fds()]

    def read(self) -> "array[int]":
        """Every sample there is, oldest first; empty where there is none yet. Lost ones are counted in `overruns`."""
        samples = array("h")
        try:
            self.capture.polldescriptors_revents([(fd, select.POLLIN) for fd in self.capture_fds()])
            while (got := self.capture.read())[0] != 0:
                if got[0] > 0:
                    samples.frombytes(got[1])
                else:
                    self.overruns += 1
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: {self.device} stopped: {error}") from error
        return samples

    def verify(self) -> bool:
        """Whether fresh mixers say the same as ours; else they have taken their place, with new descriptors."""
        agree = [switch.verify() for switch in (self.switch, self.gate) if switch]
        return all(agree)

    def close(self) -> None:
        for part in (self.capture, self.switch, self.gate):
            if part:
                part.close()
