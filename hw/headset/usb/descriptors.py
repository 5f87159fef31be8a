"""What the headset says it is: USB 2.0 (chapter 9), Audio 1.0 (appendix B), HID 1.11 (appendix E).

A card with 48 kHz stereo to the ear and mono from the microphone, a mute and a volume for each; a button with a lamp as
the usages Phone Mute and Mute have them.
"""

import struct

from hw.usb.redirection import BY_INTERRUPT, ISOCHRONOUS, Endpoint
from hw.usb.session import Description

VENDOR, PRODUCT, RELEASE = 0x1209, 0x0001, 0x0100  # pid.codes' number for what is never sold
STRINGS = ("", "Home Dispatch", "Lab headset", "hdu-headset")
CONTROL, EAR, MICROPHONE, BUTTON = 0, 1, 2, 3  # interfaces
EAR_OUT, MICROPHONE_IN, BUTTON_IN = 0x01, 0x82, 0x83  # endpoints
EAR_UNIT, MICROPHONE_UNIT = 2, 5  # feature units: a mute and a volume each
RATE_HZ, EAR_BYTES, MICROPHONE_BYTES = 48_000, 192, 96  # a millisecond of stereo and of mono, 16 bits
HEADSET, STREAM = 0x0402, 0x0101  # terminal types

DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, VENDOR, PRODUCT, RELEASE, 1, 2, 3, 1)
REPORT = bytes.fromhex(
    "050c 0901 a101 8502"  # consumer control: without one, Linux makes no input device of a headset
    "15002501 09e9 09ea 7501 9502 8102 7506 9501 8103 c0"  # in: louder, softer
    "050b 0905 a101 8501"  # telephony, headset
    "092f 7501 9501 8102 7507 8103"  # in: phone mute
    "0508 0909 7501 9102 7507 9103 c0"  # out: the lamp
)
TELEPHONY = 1  # the report with the button and the lamp


def _interface(number: int, alternate: int, endpoints: int, kind: int, sub: int) -> bytes:
    return bytes((9, 4, number, alternate, endpoints, kind, sub, 0, 0))


def _streaming(interface: int, terminal: int, channels: int, endpoint: int, sync: int, size: int) -> bytes:
    """No bandwidth, and an alternate that has it."""
    return b"".join(
        (
            _interface(interface, 0, 0, 1, 2),
            _interface(interface, 1, 1, 1, 2),
            struct.pack("<BBBBBH", 7, 0x24, 1, terminal, 1, 1),
            struct.pack("<BBBBBBBB", 11, 0x24, 2, 1, channels, 2, 16, 1) + RATE_HZ.to_bytes(3, "little"),
            struct.pack("<BBBBHBBB", 9, 5, endpoint, sync, size, 1, 0, 0),
            struct.pack("<BBBBBH", 7, 0x25, 1, 0, 0, 0),
        )
    )


_UNITS = b"".join(
    (
        struct.pack("<BBBBHBBHBB", 12, 0x24, 2, 1, STREAM, 0, 2, 3, 0, 0),
        struct.pack("<BBBBBBBBBB", 10, 0x24, 6, EAR_UNIT, 1, 1, 3, 0, 0, 0),
        struct.pack("<BBBBHBBB", 9, 0x24, 3, 3, HEADSET, 4, EAR_UNIT, 0),
        struct.pack("<BBBBHBBHBB", 12, 0x24, 2, 4, HEADSET, 3, 1, 0, 0, 0),
        struct.pack("<BBBBBBBBB", 9, 0x24, 6, MICROPHONE_UNIT, 4, 1, 3, 0, 0),
        struct.pack("<BBBBHBBB", 9, 0x24, 3, 6, STREAM, 0, MICROPHONE_UNIT, 0),
    )
)
_PARTS = b"".join(
    (
        _interface(CONTROL, 0, 0, 1, 1),
        struct.pack("<BBBHHBBB", 10, 0x24, 1, 0x0100, 10 + len(_UNITS), 2, EAR, MICROPHONE),
        _UNITS,
        _streaming(EAR, 1, 2, EAR_OUT, 0x09, EAR_BYTES),
        _streaming(MICROPHONE, 6, 1, MICROPHONE_IN, 0x05, MICROPHONE_BYTES),
        _interface(BUTTON, 0, 1, 3, 0),
        struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(REPORT)),
        struct.pack("<BBBBHB", 7, 5, BUTTON_IN, 3, 8, 10),
    )
)
CONFIGURATION = struct.pack("<BBHBBBBB", 9, 2, 9 + len(_PARTS), 4, 1, 0, 0x80, 50) + _PARTS
DESCRIPTORS = {1: DEVICE, 2: CONFIGURATION, 0x22: REPORT}
DESCRIPTION = Description(
    VENDOR,
    PRODUCT,
    RELEASE,
    {CONTROL: (1, 1), EAR: (1, 2), MICROPHONE: (1, 2), BUTTON: (3, 0)},
    {
        (EAR, 1): {EAR_OUT: Endpoint(ISOCHRONOUS, 1, EAR, EAR_BYTES)},
        (MICROPHONE, 1): {MICROPHONE_IN: Endpoint(ISOCHRONOUS, 1, MICROPHONE, MICROPHONE_BYTES)},
        (BUTTON, 0): {BUTTON_IN: Endpoint(BY_INTERRUPT, 10, BUTTON, 8)},
    },
)
