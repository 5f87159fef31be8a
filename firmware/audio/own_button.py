"""The headset's own button and lamp in use: a press is one more command, the lamp says what was proven. Thin shell."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

from firmware.audio.microphone import Microphone
from firmware.audio.mute.events import Pressed
from firmware.config import Config
from firmware.drivers import headset_button
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_button import Button
from firmware.facts import MuteState

T = TypeVar("T")
LOOK_S, LOOKS = 0.25, 12
log = logging.getLogger("button")


class OwnButton:
    """A headset without one costs nothing: it is looked for only in the first seconds after it was plugged in."""

    def __init__(self, config: Config, microphone: Microphone) -> None:
        self.want, self.microphone = config.unit.headset, microphone
        self.button: Button | None = None
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._lit: bool | None = None

    def look(self, left: int = LOOKS) -> None:
        """Opens it, now or as soon as the kernel has made its device."""
        if self._again:
            self._again.cancel()
            self._again = None
        if self.button or not left or not self.microphone.headset:
            return
        path = headset_button.path(self.want)
        try:
            self.button = Button(path) if path else None
        except HeadsetGone as error:
            log.warning("%s", error)
        if self.button:
            self._loop.add_reader(self.button.fd, self.take)
            self.show(self.microphone.state.lamp)
        else:
            self._again = self._loop.call_later(LOOK_S, self.look, left - 1)

    def show(self, state: MuteState | None) -> None:
        """The lamp is lit while silence is proven, and never else."""
        lit = state == "muted"
        if self.button and lit is not self._lit:
            self._lit = lit
            self._or_gone(lambda button: button.light(lit))

    def take(self) -> None:
        """The presses that wait to be read."""
        for _ in range(self._or_gone(Button.read) or 0):
            self.microphone.happen(Pressed())

    def _or_gone(self, do: Callable[[Button], T]) -> "T | None":
        """What it says; where it has gone, it is closed and looked for again."""
        if self.button is None:
            return None
        with contextlib.suppress(HeadsetGone):
            return do(self.button)
        self._loop.remove_reader(self.button.fd)
        self.button.close()
        self.button, self._lit = None, None
        self.look()
        return None
