"""The headset's twin at a machine's USB: plugged, spoken into, listened to, and its button pressed.

It listens at a socket to which QEMU's `usb-redir` is connected (hw/board/usb.py); the socket is there while it is
plugged in. Its sound keeps this machine's time: a machine that is slower loses some of it.
"""

import asyncio
import contextlib
import time
from array import array
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

from hw.headset import sound
from hw.headset.orders import check, healed
from hw.headset.usb.controls import Controls
from hw.headset.usb.descriptors import EAR_UNIT, MICROPHONE_BYTES, MICROPHONE_UNIT, RATE_HZ
from hw.headset.usb.redirection import Kind, Reader, packed
from hw.headset.usb.session import Session

TICK_S = 0.005
HEARD_BYTES = 40 * 192  # of what is played, to tell its level
SILENCE = bytes(MICROPHONE_BYTES)


class UsbHeadsetTwin:
    """`capture_rms` is what leaves it for the machine (0.0 is digital silence), `ear_rms` what the machine plays."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.controls = Controls()
        self.speaking, self.room, self.stuck, self.level_dbfs, self.presses = False, True, False, -20.0, 0
        self._server: asyncio.Server | None = None
        self._session: Session | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._serving: asyncio.Task[None] | None = None
        self._heard, self._heard_at, self._captured = b"", 0.0, SILENCE
        self._sound = self._mixed()

    @property
    def plugged(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Plugged in, as soon as a machine is there."""
        if self._server is None:
            self.controls = Controls()
            self.socket.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self.socket)

    async def close(self) -> None:
        """Pulled out."""
        server, self._server = self._server, None
        if server is None:
            return
        self.socket.unlink(missing_ok=True)
        server.close()
        if self._writer and self._serving:
            self._writer.write(packed(Kind.DEVICE_DISCONNECT, b""))
            self._writer.close()
            await self._serving

    def state(self) -> dict[str, object]:
        taken = self._session is not None and self._session.capturing
        return {
            "plugged": self.plugged,
            "speaking": self.speaking,
            "room": self.room,
            "level_dbfs": self.level_dbfs,
            "capture_rms": sound.rms(self._captured) if taken else None,
            "ear_rms": sound.rms(self._heard) if time.monotonic() - self._heard_at < 1.0 else None,
            "capture_switch": not self.controls.muted[MICROPHONE_UNIT] if self.plugged else None,
            "ear_switch": not self.controls.muted[EAR_UNIT] if self.plugged else None,
            "stuck_switch": self.stuck,
            "own_button": self.presses,
            "own_lamp": self.controls.lamp if self.plugged else None,
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
        if self._session is None:
            raise ValueError("headset: its button does nothing while it is unplugged; plug it in first")
        self.presses += 1
        self._session.press()

    def _mixed(self) -> bytes:
        """What stands before its microphone, over and over: at the card's rate."""
        parts = [sound.speech(self.level_dbfs)] if self.speaking else []
        parts += [sound.room() * sound.SPEECH_S] if self.room else []
        samples = [sum(each) for each in zip(*(array("h", part) for part in parts), strict=True)] or [0] * sound.RATE_HZ
        return sound.pcm([each / 32767 for each in samples for _ in range(RATE_HZ // sound.RATE_HZ)])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One machine, until it ends or the headset is pulled out."""
        self._serving = asyncio.current_task()
        self._writer, session = writer, Session(self.controls, writer.write, self._hear)
        self._session = session
        async with _while(self._speak(session)):
            session.begin()
            with contextlib.suppress(OSError):
                packets = Reader()
                while data := await reader.read(1 << 16):
                    for packet in packets.take(data):
                        session.take(packet)
        self._session, self._writer = None, None
        writer.close()

    async def _speak(self, session: Session) -> None:
        """A packet for each millisecond that has gone by."""
        at, sent_at = 0, time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            due, sent_at = int((now - sent_at) * 1000), sent_at + int((now - sent_at) * 1000) / 1000
            for _ in range(min(due, 100)):
                session.capture(self._next(at))
                at = (at + MICROPHONE_BYTES) % len(self._sound)

    def _next(self, at: int) -> bytes:
        passes = self.stuck or not self.controls.muted[MICROPHONE_UNIT]
        self._captured = self._sound[at : at + MICROPHONE_BYTES] if passes else SILENCE
        return self._captured

    def _hear(self, played: bytes) -> None:
        self._heard, self._heard_at = (self._heard + played)[-HEARD_BYTES:], time.monotonic()


@contextlib.asynccontextmanager
async def _while(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """It runs until the block is left."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
