"""What the kernel's clock discipline knows of its error: adjtimex(2), read only."""

import ctypes
import os

STA_UNSYNC = 0x0040


class ClockError(Exception):
    """The kernel does not answer adjtimex."""


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); only the fields up to `esterror` and `status` are named, the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def error_ms() -> float | None:
    """The greatest error of the system clock in ms; None while nothing disciplines it. ClockError on failure."""
    timex = _Timex(modes=0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        raise ClockError(f"clock: adjtimex failed: {os.strerror(ctypes.get_errno())}")
    return None if timex.status & STA_UNSYNC else float(timex.maxerror) / 1000
