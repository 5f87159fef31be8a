"""The headset's own mute button and lamp: its input device (evdev), where the headset is also a HID.

The kernel gives `Phone Mute` (HID usage 0x0B/0x2F) and microphone mute as KEY_MICMUTE, and drives the headset's lamp
(HID usage 0x08/0x09) by LED_MUTE (linux/input-event-codes.h); each event is a `struct input_event` (linux/input.h).
"""

import os
import struct
from pathlib import Path

from firmware.config import HeadsetHardware
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_usb import cards, choose

EVENT = struct.Struct("@llHHi")
EV_SYN, EV_KEY, EV_LED = 0x00, 0x01, 0x11
KEY_MICMUTE, LED_MUTE = 248, 0x07
READ = 64 * EVENT.size


def event(kind: int, code: int, value: int) -> bytes:
    """One event as it is written: the kernel puts the time in."""
    return EVENT.pack(0, 0, kind, code, value)


def presses(data: bytes) -> int:
    """How often the button went down in these events; letting go and repeating (value 2) are no press."""
    whole = data[: len(data) // EVENT.size * EVENT.size]
    return sum(found[2:] == (EV_KEY, KEY_MICMUTE, 1) for found in EVENT.iter_unpack(whole))


def has_button(capabilities: str) -> bool:
    """Whether sysfs' `capabilities/key` (words of a long, the highest first) has the button in it."""
    bits = 8 * struct.calcsize("@l")
    words = [int(word, 16) for word in reversed(capabilities.split())]
    at, bit = divmod(KEY_MICMUTE, bits)
    return at < len(words) and bool(words[at] >> bit & 1)


def path(want: HeadsetHardware) -> Path | None:
    """The device that is named, or that of our card in sysfs; None where there is none (now)."""
    if want.button_device or want.alsa_device:
        named = Path(want.button_device)
        return named if want.button_device and named.exists() else None
    card = choose(cards(Path(want.sysfs_root)), want)
    folders = sorted(Path(want.sysfs_root, "class/input").glob("event[0-9]*")) if card else []
    found = (folder for folder in folders if card and _is_of(folder, card.usb_port) and _has_button(folder))
    return next((Path("/dev/input", folder.name) for folder in found), None)


def _is_of(folder: Path, usb_port: str) -> bool:
    return usb_port in folder.resolve().parts


def _has_button(folder: Path) -> bool:
    try:
        return has_button((folder / "device/capabilities/key").read_text())
    except (OSError, ValueError):
        return False


class Button:
    """One headset's button, open; every call may raise HeadsetGone."""

    def __init__(self, device: Path) -> None:
        self.device = device
        try:
            self.fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise HeadsetGone(f"headset: its button {device} cannot be opened: {error.strerror}") from error

    def read(self) -> int:
        """How often it was pressed since it was asked last."""
        try:
            data = os.read(self.fd, READ)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise HeadsetGone(f"headset: its button {self.device} has gone: {error.strerror}") from error
        if not data:
            raise HeadsetGone(f"headset: its button {self.device} has ended")
        return presses(data)

    def light(self, on: bool) -> None:
        """Its own mute lamp; a headset without one takes no notice."""
        try:
            os.write(self.fd, event(EV_LED, LED_MUTE, int(on)) + event(EV_SYN, 0, 0))
        except OSError as error:
            raise HeadsetGone(f"headset: its lamp {self.device} has gone: {error.strerror}") from error

    def close(self) -> None:
        os.close(self.fd)
