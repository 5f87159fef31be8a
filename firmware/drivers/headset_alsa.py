"""The headset through ALSA (`pyalsaaudio`): its capture switch, the software gate, and what the microphone gives.

`setrec` ignores ALSA's error and `getrec` answers from a cache, so a switch is always turned in three steps: set,
handle the mixer's events, read back; whether it helped is for the capture stream to say. Everything here is called
from one thread; when the headset goes, the next call raises HeadsetGone and the object is closed and left.
"""

import contextlib
import select
from array import array

import alsaaudio

from firmware.config import HeadsetHardware
from firmware.drivers.headset_usb import Devices, devices

RATE_HZ = 8_000
PERIODS = 8


class HeadsetError(Exception):
    """Base of what can be wrong with the headset; the message says what and where."""


class HeadsetGone(HeadsetError, OSError):
    """It is not plugged in, or was unplugged in use: close it, and open it again when it is back."""


def attach(want: HeadsetHardware, period_ms: float) -> "Headset":
    """The headset, opened; HeadsetGone while it is not there."""
    names = devices(want)
    if names is None:
        raise HeadsetGone(f"headset: no USB card {want.vendor_id}:{want.product_id} alone below {want.sysfs_root}")
    return Headset(names, period_ms)


class Headset:
    """One headset in use: mixers held open, capture running."""

    def __init__(self, names: Devices, period_ms: float) -> None:
        self.names, self.overruns = names, 0
        try:
            own = _mixer(names.mixer)
            gate = _mixer(names.gate) if names.gate else None
            self.switch: alsaaudio.Mixer | None = own or gate
            self.gate: alsaaudio.Mixer | None = gate if own else None
            device = names.monitor if own else names.audio  # a gate that is the switch is proven behind the gate
            self.capture = alsaaudio.PCM(
                alsaaudio.PCM_CAPTURE,
                alsaaudio.PCM_NONBLOCK,
                device=device,
                rate=RATE_HZ,
                channels=1,
                format=alsaaudio.PCM_FORMAT_S16_LE,
                periodsize=int(RATE_HZ * period_ms / 1000),
                periods=PERIODS,
            )
            self.capture.read()  # starts it
        except alsaaudio.ALSAAudioError as error:
            self.close()
            raise HeadsetGone(f"headset: cannot open {names.audio}: {error}") from error

    def capture_fds(self) -> list[int]:
        return [fd for fd, _ in self.capture.polldescriptors()]

    def mixer_fds(self) -> list[int]:
        return [fd for mixer in self._mixers() for fd, _ in mixer.polldescriptors()]

    def read(self) -> "array[int]":
        """Every sample there is, oldest first; empty where there is none yet."""
        samples = array("h")
        try:
            self.capture.polldescriptors_revents([(fd, select.POLLIN) for fd in self.capture_fds()])
            while True:
                length, data = self.capture.read()
                if length == 0:
                    return samples
                if length > 0:
                    samples.frombytes(data)
                else:
                    self.overruns += 1
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: {self.names.audio} stopped: {error}") from error

    def set_switch(self, off: bool) -> bool | None:
        """Turns the capture switch and reads it back: off, on, or None where there is nothing to read."""
        return self._turn(self.switch, off)

    def set_gate(self, shut: bool) -> bool | None:
        """As `set_switch`, for the gate before the softphone; None where there is none."""
        return self._turn(self.gate, shut)

    def switch_off(self) -> bool | None:
        """The capture switch as it is now, its events handled."""
        return self._read(self.switch)

    def gate_shut(self) -> bool | None:
        return self._read(self.gate)

    def close(self) -> None:
        for name in ("capture", "switch", "gate"):
            part = getattr(self, name, None)
            if part is not None:
                with contextlib.suppress(alsaaudio.ALSAAudioError):  # it has gone: so has what could be closed
                    part.close()

    def _mixers(self) -> "list[alsaaudio.Mixer]":
        return [mixer for mixer in (self.switch, self.gate) if mixer is not None]

    def _turn(self, mixer: "alsaaudio.Mixer | None", off: bool) -> bool | None:
        if mixer is not None:
            with contextlib.suppress(alsaaudio.ALSAAudioError):  # the read-back tells whether it worked
                mixer.setrec(0 if off else 1)
        return self._read(mixer)

    def _read(self, mixer: "alsaaudio.Mixer | None") -> bool | None:
        if mixer is None:
            return None
        try:
            mixer.handleevents()
            return not any(mixer.getrec())
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: mixer of {self.names.mixer} stopped: {error}") from error


def _mixer(device: str) -> "alsaaudio.Mixer | None":
    """The control of `device` with a capture switch; None where it has none."""
    names = dict.fromkeys(alsaaudio.mixers(device=device))
    found = (alsaaudio.Mixer(name, device=device) for name in names)
    return next((mixer for mixer in found if "Capture Mute" in mixer.switchcap()), None)
