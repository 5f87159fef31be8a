"""The headset in use on the event loop: what it captured, and what its mixer has to say. Thin shell."""

import asyncio
import logging
from collections.abc import Callable

from firmware.drivers.headset_alsa import Headset

log = logging.getLogger("microphone")


class Streams:
    """`captured` and `switched` are called when there is something to read, until `deaf`."""

    def __init__(self, captured: Callable[[], None], switched: Callable[[], None]) -> None:
        self.captured, self.switched = captured, switched
        self._loop = asyncio.get_running_loop()
        self._fds: list[int] = []

    def listen(self, headset: Headset) -> None:
        for fd in headset.capture_fds():
            self._loop.add_reader(fd, self.captured)
        for fd in headset.mixer_fds():
            self._loop.add_reader(fd, self.switched)
        self._fds = headset.capture_fds() + headset.mixer_fds()

    def deaf(self) -> None:
        for fd in self._fds:
            self._loop.remove_reader(fd)
        self._fds.clear()

    def pace(self, headset: Headset, period_ms: float) -> None:
        """Captures anew where the periods are to be others; a headset that is not listened to yet is left as it is."""
        if self._fds and headset.period_ms != period_ms:
            self.deaf()
            headset.listen(period_ms)
            self.listen(headset)

    def ask_afresh(self, headset: Headset) -> None:
        """Where fresh mixers do not say the same as ours, they are listened to from now on."""
        if headset.verify():
            return
        log.info("the mixer showed what was before; asked afresh")
        self.deaf()
        self.listen(headset)
