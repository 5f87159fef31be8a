"""A capture switch of an ALSA mixer: the headset's own, or the software gate's.

`setrec` ignores ALSA's error and `getrec` answers from a cache, so a switch is turned in three steps: set, handle the
mixer's events, read back; whether it helped is for the capture stream to say. Through PulseAudio that cache can stay
wrong for good where two changes cross (a late answer overwrites a newer one), and a set that agrees with a wrong cache
does nothing: `verify` asks through a mixer opened afresh, and keeps that one if they differ.
"""

import contextlib

import alsaaudio

USUAL = "Capture"


class HeadsetError(Exception):
    """Base of what can be wrong with the headset; the message says what and where."""


class HeadsetGone(HeadsetError, OSError):
    """It is not plugged in, or was unplugged in use: close it, and open it again when it is back."""


class CaptureSwitch:
    """One switch, held open; every call may raise HeadsetGone."""

    def __init__(self, device: str, name: str, mixer: "alsaaudio.Mixer") -> None:
        self.device, self.name, self.mixer = device, name, mixer

    def fds(self) -> list[int]:
        """Readable when the mixer has news, which `read` takes in."""
        return [fd for fd, _ in self.mixer.polldescriptors()]

    def turn(self, off: bool) -> bool:
        """Turns it, and reads it back: whether it is off."""
        with contextlib.suppress(alsaaudio.ALSAAudioError):  # the read-back tells whether it worked
            self.mixer.setrec(0 if off else 1)
        return self.read()

    def read(self) -> bool:
        """Whether it is off, with the mixer's news taken in."""
        return self._off(self.mixer)

    def verify(self) -> bool:
        """Whether a fresh mixer agrees; if not, the fresh one is kept, and the descriptors are new."""
        fresh = _open(self.name, self.device)
        agrees = self._off(fresh) == self._off(self.mixer)
        wrong, self.mixer = (fresh, self.mixer) if agrees else (self.mixer, fresh)
        wrong.close()
        return agrees

    def close(self) -> None:
        with contextlib.suppress(alsaaudio.ALSAAudioError):  # the card has gone, and the mixer with it
            self.mixer.close()

    def _off(self, mixer: "alsaaudio.Mixer") -> bool:
        try:
            mixer.handleevents()
            return not any(mixer.getrec())
        except alsaaudio.ALSAAudioError as error:
            raise HeadsetGone(f"headset: mixer of {self.device} stopped: {error}") from error


def find(device: str) -> CaptureSwitch | None:
    """The first capture switch of the mixer `device`; None where it has none, HeadsetGone where it is not there."""
    try:
        names = dict.fromkeys(alsaaudio.mixers(device=device))
    except alsaaudio.ALSAAudioError as error:
        raise HeadsetGone(f"headset: no mixer {device}: {error}") from error
    for name in sorted(names, key=lambda each: each != USUAL):
        mixer = _open(name, device)
        if "Capture Mute" in mixer.switchcap():
            return CaptureSwitch(device, name, mixer)
        mixer.close()
    return None


def _open(name: str, device: str) -> "alsaaudio.Mixer":
    try:
        return alsaaudio.Mixer(name, device=device)
    except alsaaudio.ALSAAudioError as error:
        raise HeadsetGone(f"headset: mixer {name} of {device} cannot be opened: {error}") from error
