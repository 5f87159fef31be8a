"""The headset's own mute button and lamp as the kernel shows them: a stream of `struct input_event` both ways.

A pseudo-terminal stands for `/dev/input/eventN`: who opens it reads the button and writes the lamp. Key and lamp codes
are those of linux/input-event-codes.h.
"""

import asyncio
import os
import struct
import time
import tty
from pathlib import Path

EVENT = struct.Struct("@llHHi")
EV_SYN, EV_KEY, EV_LED, KEY_MICMUTE, LED_MUTE = 0, 1, 17, 248, 7


class ButtonDevice:
    """`lamp` is whether the lamp in the headset is lit; `link` is there while it is plugged in."""

    def __init__(self, link: Path) -> None:
        self.link, self.lamp = link, False
        self._ends: tuple[int, int] | None = None

    def plug(self) -> None:
        inner, outer = os.openpty()
        tty.setraw(outer)
        os.set_blocking(inner, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(outer))
        self._ends, self.lamp = (inner, outer), False
        asyncio.get_running_loop().add_reader(inner, self._told)

    def pull(self) -> None:
        """Who has it open gets an error at the next read, as the kernel's ENODEV."""
        if not self._ends:
            return
        self.link.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends, self.lamp = None, False

    def press(self) -> None:
        """Down and up."""
        if self._ends:
            for value in (1, 0):
                os.write(self._ends[0], _event(EV_KEY, KEY_MICMUTE, value) + _event(EV_SYN, 0, 0))

    def _told(self) -> None:
        assert self._ends
        for _, _, kind, code, value in EVENT.iter_unpack(os.read(self._ends[0], 64 * EVENT.size)):
            if (kind, code) == (EV_LED, LED_MUTE):
                self.lamp = bool(value)


def _event(kind: int, code: int, value: int) -> bytes:
    seconds = time.time()
    return EVENT.pack(int(seconds), int(seconds % 1 * 1e6), kind, code, value)
