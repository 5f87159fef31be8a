"""The headset's twin at a machine's USB: plugged, spoken into, listened to, and its button pressed.

Its sound keeps this machine's time: a machine that is slower loses some of it.
"""

import asyncio
import time
from array import array
from pathlib import Path

from hw.headset import sound
from hw.headset.orders import check, healed
from hw.headset.usb.controls import Controls
from hw.headset.usb.descriptors import (
    BUTTON_IN,
    DESCRIPTION,
    EAR_UNIT,
    MICROPHONE_BYTES,
    MICROPHONE_IN,
    MICROPHONE_UNIT,
    RATE_HZ,
    TELEPHONY,
)
from hw.usb.control import Setup
from hw.usb.port import UsbPort

TICK_S, LATE_MS = 0.005, 100  # what is later is lost
HEARD_BYTES = 40 * 192  # of what is played, to tell its level
SILENCE = bytes(MICROPHONE_BYTES)


class UsbHeadsetTwin:
    """`capture_rms` is what leaves it for the machine (0.0 is digital silence), `ear_rms` what the machine plays."""

    description = DESCRIPTION

    def __init__(self, socket: Path) -> None:
        self.port, self.controls = UsbPort(socket, self), Controls()
        self.speaking, self.room, self.stuck, self.level_dbfs, self.presses = False, True, False, -20.0, 0
        self._heard, self._heard_at, self._captured = b"", 0.0, SILENCE
        self._sound = self._mixed()
        self._speaking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Plugged in."""
        if not self.port.plugged:
            self.controls = Controls()
            await self.port.plug()
            self._speaking = asyncio.create_task(self._speak())

    async def close(self) -> None:
        """Pulled out."""
        if self._speaking:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        self._speaking = None
        await self.port.pull()

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        return self.controls.answer(setup, data)

    def taken(self, endpoint: int, content: bytes) -> None:  # noqa: ARG002  # it has one ear
        """A millisecond of what is played."""
        self._heard, self._heard_at = (self._heard + content)[-HEARD_BYTES:], time.monotonic()

    def state(self) -> dict[str, object]:
        session, plugged = self.port.session, self.port.plugged
        taken = session is not None and MICROPHONE_IN in session.streaming
        return {
            "plugged": plugged,
            "speaking": self.speaking,
            "room": self.room,
            "level_dbfs": self.level_dbfs,
            "capture_rms": sound.rms(self._captured) if taken else None,
            "ear_rms": sound.rms(self._heard) if time.monotonic() - self._heard_at < 1.0 else None,
            "capture_switch": not self.controls.muted[MICROPHONE_UNIT] if plugged else None,
            "ear_switch": not self.controls.muted[EAR_UNIT] if plugged else None,
            "stuck_switch": self.stuck,
            "own_button": self.presses,
            "own_lamp": self.controls.lamp if plugged else None,
        }

    async def command(self, body: dict[str, object]) -> None:
        check(body)
        body = healed(body)
        if "plugged" in body:
            await (self.start() if body["plugged"] else self.close())
        self.stuck = bool(body.get("stuck_switch", self.stuck))
        self.speaking, self.room = bool(body.get("speaking", self.speaking)), bool(body.get("room", self.room))
        self.level_dbfs = float(str(body.get("level_dbfs", self.level_dbfs)))
        self._sound = self._mixed()
        if body.get("button"):
            self._press()

    def _press(self) -> None:
        """Down and up."""
        if self.port.session is None:
            raise ValueError("headset: its button does nothing while it is unplugged; plug it in first")
        self.presses += 1
        for down in (1, 0):
            self.port.session.notify(BUTTON_IN, bytes((TELEPHONY, down)))

    def _mixed(self) -> bytes:
        """What stands before its microphone, over and over: at the card's rate."""
        parts = [sound.speech(self.level_dbfs)] if self.speaking else []
        parts += [sound.room() * sound.SPEECH_S] if self.room else []
        samples = [sum(each) for each in zip(*(array("h", part) for part in parts), strict=True)] or [0] * sound.RATE_HZ
        return sound.pcm([each / 32767 for each in samples for _ in range(RATE_HZ // sound.RATE_HZ)])

    async def _speak(self) -> None:
        """A packet for each millisecond that has gone by."""
        at, sent_at = 0, time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            due = int((time.monotonic() - sent_at) * 1000)
            sent_at += due / 1000
            for _ in range(min(due, LATE_MS)):
                sound_ms = self._next(at)
                if self.port.session:
                    self.port.session.stream(MICROPHONE_IN, sound_ms)
                at = (at + MICROPHONE_BYTES) % len(self._sound)

    def _next(self, at: int) -> bytes:
        passes = self.stuck or not self.controls.muted[MICROPHONE_UNIT]
        self._captured = self._sound[at : at + MICROPHONE_BYTES] if passes else SILENCE
        return self._captured
