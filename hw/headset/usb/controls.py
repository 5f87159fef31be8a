"""What the headset answers at its control endpoint: descriptors, mutes and volumes, the lamp. No clock, no socket."""

import struct

from hw.headset.usb.descriptors import BUTTON, CONTROL, DESCRIPTORS, EAR_UNIT, MICROPHONE_UNIT, STRINGS
from hw.usb.control import INWARD, Setup, standard

SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84  # Audio 1.0, table A-9
MUTE, VOLUME = 1, 2  # table A-11
LOUDEST_DB, SOFTEST_DB, STEP_DB = 0, -48, 1
SET_REPORT, SET_IDLE = 0x09, 0x0A  # HID 1.11, 7.2


class Controls:
    """`muted` and `volume_db` by feature unit, `lamp` as it was set last."""

    def __init__(self) -> None:
        self.muted = {EAR_UNIT: False, MICROPHONE_UNIT: False}
        self.volume_db = {EAR_UNIT: -6, MICROPHONE_UNIT: -6}
        self.lamp = False

    def answer(self, setup: Setup, data: bytes = b"") -> bytes | None:
        """What it gives back, empty where something was set; None is a stall: it has no such thing."""
        return standard(setup, DESCRIPTORS, STRINGS) if setup.standard else self._class(setup, data)

    def _class(self, setup: Setup, data: bytes) -> bytes | None:
        unit, interface = setup.target >> 8, setup.target & 0xFF
        if interface == CONTROL and unit in self.muted:
            return self._feature(unit, setup, data)
        if interface == BUTTON:
            return self._button(setup, data)
        return None

    def _feature(self, unit: int, setup: Setup, data: bytes) -> bytes | None:
        """Of the master channel: a feature unit here has no other."""
        selector, channel = setup.value >> 8, setup.value & 0xFF
        if channel or selector not in (MUTE, VOLUME):
            return None
        if not setup.kind & INWARD:
            return self._set(unit, selector, data)
        if selector == MUTE:
            return bytes((self.muted[unit],)) if setup.request == GET_CUR else None
        bounds = {GET_CUR: self.volume_db[unit], GET_MIN: SOFTEST_DB, GET_MAX: LOUDEST_DB, GET_RES: STEP_DB}
        return struct.pack("<h", bounds[setup.request] * 256) if setup.request in bounds else None

    def _set(self, unit: int, selector: int, data: bytes) -> bytes | None:
        if selector == MUTE:
            self.muted[unit] = bool(data[0])
        else:
            self.volume_db[unit] = struct.unpack("<h", data)[0] // 256
        return b""

    def _button(self, setup: Setup, data: bytes) -> bytes | None:
        """HID: the report that lights the lamp; there is nothing to be idle about."""
        if setup.request == SET_REPORT:
            self.lamp = bool(data[1] & 1)  # after the report's number
        return b"" if setup.request in (SET_REPORT, SET_IDLE) else None
