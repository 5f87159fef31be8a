"""What the modem says it is: USB 2.0 (chapter 9), CDC 1.2, MBIM 1.0 (section 6)."""

import struct

from hw.usb.redirection import BY_INTERRUPT, IN_BULK, Endpoint
from hw.usb.session import Description

VENDOR, PRODUCT, RELEASE = 0x1E0E, 0x9003, 0x0100  # a maker of modems whom usbguard's rules let in
STRINGS = ("", "Home Dispatch", "Lab modem", "hdu-mbim")
COMMANDS, DATA = 0, 1  # interfaces
NOTIFY_IN, DATA_IN, DATA_OUT = 0x81, 0x82, 0x02  # endpoints
PACKET, LONGEST_COMMAND, LONGEST_DATAGRAM = 64, 4096, 2048

DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, VENDOR, PRODUCT, RELEASE, 1, 2, 3, 1)
_PARTS = b"".join(
    (
        bytes((8, 0x0B, COMMANDS, 2, 2, 0x0E, 0, 0)),  # both interfaces are one function
        bytes((9, 4, COMMANDS, 0, 1, 2, 0x0E, 0, 0)),
        struct.pack("<BBBH", 5, 0x24, 0x00, 0x0120),
        bytes((5, 0x24, 0x06, COMMANDS, DATA)),
        struct.pack("<BBBHHBBHB", 12, 0x24, 0x1B, 0x0100, LONGEST_COMMAND, 32, 192, LONGEST_DATAGRAM, 0x20),
        struct.pack("<BBBBHB", 7, 5, NOTIFY_IN, 3, 64, 5),
        bytes((9, 4, DATA, 0, 0, 0x0A, 0, 2, 0)),
        bytes((9, 4, DATA, 1, 2, 0x0A, 0, 2, 0)),
        struct.pack("<BBBBHB", 7, 5, DATA_IN, 2, PACKET, 0),
        struct.pack("<BBBBHB", 7, 5, DATA_OUT, 2, PACKET, 0),
    )
)
CONFIGURATION = struct.pack("<BBHBBBBB", 9, 2, 9 + len(_PARTS), 2, 1, 0, 0x80, 250) + _PARTS
DESCRIPTORS = {1: DEVICE, 2: CONFIGURATION}
DESCRIPTION = Description(
    VENDOR,
    PRODUCT,
    RELEASE,
    {COMMANDS: (2, 0x0E), DATA: (0x0A, 0)},
    {
        (COMMANDS, 0): {NOTIFY_IN: Endpoint(BY_INTERRUPT, 5, COMMANDS, 64)},
        (DATA, 1): {DATA_IN: Endpoint(IN_BULK, 0, DATA, PACKET), DATA_OUT: Endpoint(IN_BULK, 0, DATA, PACKET)},
    },
)
