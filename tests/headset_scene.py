"""A headset service with a real sound server below it, and a softphone's ear behind the capture path."""

import asyncio
import cmath
import contextlib
import math
import os
import subprocess
import sys
import time
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from firmware import bus
from firmware.facts import Headset
from hw.headset import sound
from hw.headset.server import ending
from hw.headset.twin import HeadsetTwin

CONFIG = """[headset]
alsa_device = "headset"
monitor_device = "headset_monitor"
gate_device = "headset_gate"
ear_monitor_device = "headset_ear"
button_device = "{0}/headset/button"
{1}
[folders]
data = "{0}/data"
run = "{0}/run"
"""
CHUNK_MS = 5
NOTE_MS = 100


class Scene:
    """`fact` is what the service last said (None: away), `facts` everything it said, with the time."""

    def __init__(self, folder: Path, twin: HeadsetTwin) -> None:
        self.folder, self.twin = folder, twin
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.facts: list[tuple[float, Headset | None]] = []
        self._changed = asyncio.Event()

    @property
    def fact(self) -> Headset | None:
        return self.facts[-1][1] if self.facts else None

    @property
    def command(self) -> str:
        file = self.folder / "data" / "mute"
        return file.read_text().strip() if file.exists() else ""

    def press(self, word: str) -> float:
        """Writes the command as the panel does; returns when it was there."""
        temporary = self.folder / "data" / ".mute.panel"
        temporary.write_text(word + "\n")
        temporary.rename(self.folder / "data" / "mute")
        return time.monotonic()

    def start(self) -> None:
        environment = {**os.environ, **self.twin.environment, "HDU_CONFIG": str(self.folder)}
        with (self.folder / "headset.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "firmware", "headset"], env=environment, stderr=log)

    async def keep(self) -> None:
        """What systemd does: an unplugged device may abort the service, which is then started again."""
        while True:
            if self.process and self.process.poll() is not None:
                self.restarts += 1
                self.start()
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def until(self, holds: Callable[[Headset], bool], bound_s: float = 5.0) -> float:
        """Waits until the fact holds; returns when it was said. TimeoutError with the fact and the service's log."""
        try:
            async with asyncio.timeout(bound_s):
                while not (self.fact and holds(self.fact)):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise TimeoutError(f"{self.fact}\n{(self.folder / 'headset.log').read_text()[-2000:]}") from error
        return self.facts[-1][0]

    async def lamp(self, state: str, bound_s: float = 5.0) -> float:
        return await self.until(lambda fact: fact.mute_state == state, bound_s)

    async def follow(self) -> None:
        async for fact in bus.follow(bus.connect(), "Headset", Headset):
            self.facts.append((time.monotonic(), fact))
            self._changed.set()


class Ear:
    """A client of `source`: when each CHUNK_MS of sound came, and its RMS."""

    def __init__(self, twin: HeadsetTwin, source: str = "mic") -> None:
        self.twin, self.source = twin, source
        self.heard: list[tuple[float, float]] = []
        self.pieces: list[bytes] = []

    async def listen(self) -> None:
        words = ["parec", "--raw", f"--device={self.source}", "--format=s16le", "--channels=1"]
        process = await self.twin.server.spawn(*words, f"--rate={sound.RATE_HZ}", f"--latency-msec={CHUNK_MS}")
        assert process.stdout
        async with ending(process):
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    data = await process.stdout.readexactly(2 * sound.RATE_HZ * CHUNK_MS // 1000)
                    self.heard.append((time.monotonic(), sound.rms(data)))
                    self.pieces.append(data)

    def part(self, frequency_hz: float, at: int = -1) -> float:
        """How much of one frequency (0 to 1) is in the NOTE_MS up to piece `at`."""
        end = len(self.pieces) if at < 0 else at
        samples = array("h", b"".join(self.pieces[max(0, end - NOTE_MS // CHUNK_MS) : end]))
        turn = 2j * math.pi * frequency_hz / sound.RATE_HZ
        total = sum(value * cmath.exp(-turn * index) for index, value in enumerate(samples))
        return 2 * abs(total) / max(1, len(samples)) / 32768

    def loudest(self, frequency_hz: float) -> float:
        """The most there ever was of it."""
        ends = range(NOTE_MS // CHUNK_MS, len(self.pieces) + 1, NOTE_MS // CHUNK_MS)
        return max((self.part(frequency_hz, end) for end in ends), default=0.0)

    def silent_since(self) -> float | None:
        """When the silence that still lasts began; None while there is sound."""
        last = max((at for at, level in self.heard if level > 0), default=0.0)
        return next((at for at, _ in self.heard if at > last), None)

    def sound_after(self, at: float, until: float) -> bool:
        return any(level > 0 for when, level in self.heard if at < when < until)


async def eventually(holds: Callable[[], bool], bound_s: float = 5.0) -> None:
    """Waits for a condition; TimeoutError when it does not come."""
    async with asyncio.timeout(bound_s):
        while not holds():  # noqa: ASYNC110 - what is waited for lies outside this process
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def headset(folder: Path, hid: bool = False, more: str = "", site: str = "") -> AsyncIterator[Scene]:
    """The twin, speaking, and the service on it, live; needs DBUS_SYSTEM_BUS_ADDRESS. `more` is for unit.toml, `site`
    is site.toml."""
    (folder / "data").mkdir(parents=True)
    (folder / "unit.toml").write_text(CONFIG.format(folder, more))
    (folder / "site.toml").write_text(site)
    twin = HeadsetTwin(folder / "headset", hid)
    await twin.start()
    scene = Scene(folder, twin)
    tasks = [asyncio.create_task(scene.follow()), asyncio.create_task(scene.keep())]
    try:
        await twin.command({"speaking": True})
        scene.start()
        await scene.lamp("live", 15)
        yield scene
    finally:
        for task in tasks:
            task.cancel()
        scene.kill()
        await twin.close()
