"""The headset as a twin below ALSA: a real PulseAudio that paces itself, can be spoken into and listened to.

The service reaches it as the ALSA devices `headset`, `headset_monitor` and `headset_gate` (see `environment`).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from hw.headset import sound
from hw.headset.button import ButtonDevice
from hw.headset.orders import KNOWN, check, healed
from hw.headset.server import Server, ServerError, ending

LISTEN_MS = 40
TAKES = {**KNOWN, "loop": bool}


class HeadsetTwin:
    """`capture_rms` is what a softphone would capture: 0.0 is digital silence, None that nothing was heard of late.

    With `hid` its own button says that it was pressed, as an input device at `folder/button` with a lamp; without, it
    turns the capture switch itself.
    """

    def __init__(self, folder: Path, hid: bool = False) -> None:
        self.server = Server(folder)
        self.button = ButtonDevice(folder / "button") if hid else None
        self.plugged, self.speaking, self.room, self.stuck, self.presses = False, False, True, False, 0
        self.level_dbfs = -20.0
        self.switch_on: bool | None = None
        self._rms: float | None = None
        self._heard_at = self._sound_at = 0.0
        self._followed = self.loop = False
        self._loop = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._voice: asyncio.Task[None] | None = None
        self._room: asyncio.Task[None] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return self.server.environment

    async def start(self) -> None:
        await self._plug_in()

    async def close(self) -> None:
        await self._pull_out()

    def state(self) -> dict[str, object]:
        now = time.monotonic()
        fresh = self.plugged and now - self._heard_at < 1.0
        return {
            "plugged": self.plugged,
            "speaking": self.speaking,
            "room": self.room,
            "loop": self.loop,
            "level_dbfs": self.level_dbfs,
            "capture_rms": self._rms if fresh else None,
            "silent_ms": round((self._heard_at - self._sound_at) * 1000) if fresh else None,
            "capture_switch": self.switch_on if self.plugged else None,
            "stuck_switch": self.stuck,
            "own_button": self.presses,
            "own_lamp": self.button.lamp if self.button and self.plugged else None,
        }

    async def command(self, body: dict[str, object]) -> None:
        check(body, TAKES)
        body = healed(body)
        if "plugged" in body and body["plugged"] != self.plugged:
            await (self._plug_in() if body["plugged"] else self._pull_out())
        if "stuck_switch" in body:
            self.stuck = bool(body["stuck_switch"])
            await self._wire()
        if body.keys() & {"speaking", "room", "level_dbfs"}:
            self.room = bool(body.get("room", self.room))
            self.speaking = bool(body.get("speaking", self.speaking))
            self.level_dbfs = float(str(body.get("level_dbfs", self.level_dbfs)))
            await self._speak()
        if "loop" in body:
            self.loop = bool(body["loop"])
            await self._hold_together()
        if body.get("button") == "mute":
            await self._press()

    async def _plug_in(self) -> None:
        await self.server.start()
        self.plugged, self._sound_at = True, time.monotonic()
        if self.stuck:
            await self._wire()
        if self.loop:
            await self._hold_together()
        await self._read_switch()
        if self.button:
            self.button.plug()
        self._tasks = [asyncio.create_task(each) for each in (self._listen(), self._watch_switch())]
        await self._speak()

    async def _pull_out(self) -> None:
        self.plugged, self._rms, self._followed, self._loop = False, None, False, ""
        if self.button:
            self.button.pull()
        tasks = [*self._tasks, *filter(None, (self._voice, self._room))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks, self._voice, self._room = [], None, None
        await self.server.kill()

    async def _press(self) -> None:
        """The headset's own button says so, or turns the switch and nobody is asked."""
        if not self.plugged:
            raise ValueError("headset: its button does nothing while it is unplugged; plug it in first")
        self.presses += 1
        if self.button:
            self.button.press()
            return
        await self.server.pactl("set-source-mute", "switch", "toggle")

    async def _wire(self) -> None:
        """A stuck switch: `pre` listens before it, so that it turns, says so, and changes nothing."""
        if self.plugged:
            index = output_of(
                await self.server.pactl("list", "source-outputs"), await self.server.pactl("list", "modules", "short")
            )
            await self.server.pactl("move-source-output", index, "mouth.monitor" if self.stuck else "switch")

    async def _hold_together(self) -> None:
        """The earpiece held to the microphone: what is played is captured, until it is let go."""
        if not self.plugged:
            return
        if self._loop:
            await self.server.pactl("unload-module", self._loop)
        words = ("module-loopback", "source=ear.monitor", "sink=mouth", "latency_msec=20")
        self._loop = (await self.server.pactl("load-module", *words)).strip() if self.loop else ""

    async def _speak(self) -> None:
        """Voice and room as they are now wanted."""
        for task in filter(None, (self._voice, self._room)):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._voice = self._saying(self.speaking, lambda: sound.speech(self.level_dbfs), 40)
        self._room = self._saying(self.room, sound.room, 500)

    def _saying(self, wanted: bool, what: Callable[[], bytes], latency_ms: int) -> "asyncio.Task[None] | None":
        return asyncio.create_task(self._say(what(), latency_ms)) if wanted and self.plugged else None

    async def _say(self, loop: bytes, latency_ms: int) -> None:
        """Says `loop` over and over until cancelled."""
        words = ["pacat", "--playback", "--raw", "--device=mouth", "--format=s16le", "--channels=1"]
        process = await self.server.spawn(
            *words, f"--rate={sound.RATE_HZ}", f"--latency-msec={latency_ms}", stdin=asyncio.subprocess.PIPE
        )
        assert process.stdin
        async with ending(process):
            with contextlib.suppress(ConnectionError):
                while True:
                    process.stdin.write(loop)
                    await process.stdin.drain()

    async def _listen(self) -> None:
        """The far end of the capture path: a client like the softphone."""
        words = ["parec", "--raw", "--device=mic", "--format=s16le", "--channels=1", f"--latency-msec={LISTEN_MS}"]
        process = await self.server.spawn(*words, f"--rate={sound.RATE_HZ}")
        assert process.stdout
        async with ending(process):
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    self._hear(await process.stdout.readexactly(2 * sound.RATE_HZ * LISTEN_MS // 1000))

    def _hear(self, data: bytes) -> None:
        self._heard_at, self._rms = time.monotonic(), sound.rms(data)
        if self._rms > 0:
            self._sound_at = self._heard_at

    async def _watch_switch(self) -> None:
        """Follows the switch; what was turned before pactl listened is seen by the first event, which is ours."""
        process = await self.server.spawn("pactl", "subscribe")
        assert process.stdout
        async with ending(process):
            with contextlib.suppress(ServerError):
                while line := await self._line(process.stdout):
                    if b"'change' on source #" in line:
                        await self._read_switch()

    async def _line(self, out: asyncio.StreamReader) -> bytes:
        """The next line; until there has been one, an event is made so that there will be."""
        while not self._followed:
            for muted in ("1", "0"):
                await self.server.pactl("set-source-mute", "ear.monitor", muted)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):  # wait_for may swallow a cancellation before Python 3.12
                    line = await out.readline()
                self._followed = True
                return line
        return await out.readline()

    async def _read_switch(self) -> None:
        self.switch_on = "no" in await self.server.pactl("get-source-mute", "switch")


def output_of(outputs: str, modules: str) -> str:
    """The number of the stream by which the source `pre` listens, from pactl's two listings."""
    module = next(line.split()[0] for line in modules.splitlines() if "source_name=pre" in line)
    number = ""
    for line in outputs.splitlines():
        number = line.split("#")[1] if line.startswith("Source Output #") else number
        if line.strip() == f"Owner Module: {module}":
            return number
    raise ServerError(f"headset: module {module} has no stream; restart the twin")
