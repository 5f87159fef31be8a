"""The call-taker's desk at the agency: a sound server of its own.

A caller's words are said into it all through a call; its ear is recorded and measured.
"""

import asyncio
import contextlib
import wave
from pathlib import Path

from hw.agency import speech
from hw.headset import sound
from hw.headset.server import Server

LISTEN_MS = 100
FRAME_BYTES = 2 * speech.RATE_HZ * LISTEN_MS // 1000


class Desk:
    """`rms` is the level (0 to 1) heard last, None while nobody listens."""

    def __init__(self, folder: Path, speech_s: float) -> None:
        self.folder, self.speech_s = folder, speech_s
        folder.mkdir(parents=True, exist_ok=True)
        self.said, self.recordings = folder / "speech.wav", folder / "recordings"
        self.server = Server(folder / "sound")
        self.rms: float | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.recordings.mkdir(exist_ok=True)
        await asyncio.to_thread(speech.write, self.said, self.speech_s)
        await self.server.start()

    def recording(self) -> Path | None:
        """What was heard in the newest call, as 16 kHz mono WAV; None before the first."""
        return max(self.recordings.glob("*.wav"), default=None, key=lambda file: int(file.stem))

    def begin(self) -> None:
        """A call: speak and listen, until `end`."""
        newest = self.recording()
        file = self.recordings / f"{int(newest.stem) + 1 if newest else 1}.wav"
        self._tasks = [asyncio.create_task(self._say()), asyncio.create_task(self._listen(file))]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self.rms = [], None

    async def close(self) -> None:
        await self.end()
        await self.server.kill()

    async def _say(self) -> None:
        """The words from their beginning, over and over."""
        with wave.open(str(self.said)) as said:
            words = said.readframes(said.getnframes())
        command = ("pacat", "--playback", "--raw", "--device=mouth", "--format=s16le", "--channels=1")
        process = await self.server.spawn(
            *command, f"--rate={speech.RATE_HZ}", "--latency-msec=40", stdin=asyncio.subprocess.PIPE
        )
        assert process.stdin
        try:
            while True:
                process.stdin.write(words)
                await process.stdin.drain()
        finally:
            await _gone(process)

    async def _listen(self, file: Path) -> None:
        command = ("parec", "--raw", "--device=ear.monitor", "--format=s16le", "--channels=1", "--latency-msec=50")
        process = await self.server.spawn(*command, f"--rate={speech.RATE_HZ}")
        assert process.stdout
        with wave.open(str(file), "wb") as out:
            out.setparams((1, 2, speech.RATE_HZ, 0, "NONE", ""))
            try:
                while True:
                    heard = await process.stdout.readexactly(FRAME_BYTES)
                    self.rms = sound.rms(heard)
                    out.writeframesraw(heard)
            finally:
                await _gone(process)


async def _gone(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
