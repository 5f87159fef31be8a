"""The twin's sound server: a PulseAudio of its own, and the ALSA names below which the driver finds it.

    mouth -> mouth.monitor -> switch -> pre -> mic          ear -> ear.monitor
             (the capsule)   (capture  (our   (behind the
                              switch)   ear)   gate: softphone)

`switch` is the headset's capture switch, `mic` the software gate the softphone captures behind; `pre` is what lies
between them, where the headset service measures. `norewinds` keeps a null sink from rendering two seconds ahead.

No memory is shared with clients: ALSA's plugin holds a shared block between two reads, and where the server dies just
then, libpulse 16 waits for that block under the lock that the reader needs, for ever (pa_memimport_free). A unit has no
such lock: the kernel gives a reader of a card that is pulled out an error.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

START_S = 10.0
MODULES = """load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=ear rate=48000 channels=1 norewinds=1
load-module module-null-sink sink_name=mouth rate=48000 channels=1 norewinds=1
load-module module-remap-source source_name=switch master=mouth.monitor remix=no
load-module module-remap-source source_name=pre master=switch remix=no
load-module module-remap-source source_name=mic master=pre remix=no
set-default-sink ear
set-default-source mic
"""
ALSA = """</usr/share/alsa/alsa.conf>
pcm.headset {{
    type asym
    playback.pcm {{ type pulse server "unix:{socket}" device "ear" }}
    capture.pcm {{ type pulse server "unix:{socket}" device "mic" }}
}}
pcm.headset_monitor {{ type pulse server "unix:{socket}" device "pre" }}
pcm.headset_ear {{ type pulse server "unix:{socket}" device "ear.monitor" }}
ctl.headset {{ type pulse server "unix:{socket}" sink "ear" source "switch" }}
ctl.headset_gate {{ type pulse server "unix:{socket}" sink "ear" source "mic" }}
"""


class ServerError(RuntimeError):
    """The sound server did not do as told; the message says what it answered."""


class Server:
    """One PulseAudio: `start` and `kill` are plugging in and pulling out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "pulse.socket"
        self.process: asyncio.subprocess.Process | None = None
        (folder / "runtime").mkdir(parents=True, mode=0o700, exist_ok=True)
        (folder / "default.pa").write_text(MODULES.format(socket=self.socket))
        (folder / "asound.conf").write_text(ALSA.format(socket=self.socket))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this headset as ALSA's `headset`, `headset_monitor` and `headset_gate`."""
        return {"ALSA_CONFIG_PATH": str(self.folder / "asound.conf"), "PULSE_SERVER": f"unix:{self.socket}"}

    @property
    def _own(self) -> dict[str, str]:
        home = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder / "runtime")}
        return {**os.environ, **home, **self.environment, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}

    async def start(self) -> None:
        """Answers when this returns; ServerError if it does not within START_S."""
        self.process = await asyncio.create_subprocess_exec(
            "pulseaudio", "-n", "-F", str(self.folder / "default.pa"), "--exit-idle-time=-1", "--daemonize=no",
            "--use-pid-file=no", "--log-level=error", "--log-target=null", "--realtime=no", "--high-priority=no",
            "--disable-shm=yes", "--enable-memfd=no",
            env=self._own, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not await self._answers():
                if self.process.returncode is not None:
                    raise ServerError(
                        f"pulseaudio in {self.folder} ended with {self.process.returncode}; run it by hand"
                    )
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        with contextlib.suppress(ServerError):
            return "mic" in await self.pactl("list", "short", "sources")
        return False

    async def kill(self) -> None:
        """As if the plug were pulled: nobody is told."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self.process = None
        self.socket.unlink(missing_ok=True)

    async def pactl(self, *words: str) -> str:
        """What pactl prints; ServerError with its complaint."""
        process = await self.spawn("pactl", *words, stderr=asyncio.subprocess.PIPE)
        async with ending(process):
            out, complaint = await process.communicate()
        if process.returncode:
            raise ServerError(f"pactl {' '.join(words)}: {complaint.decode().strip()}")
        return out.decode()

    async def spawn(
        self, *words: str, stdin: int = asyncio.subprocess.DEVNULL, stderr: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        """A client of this server, its output a pipe."""
        return await asyncio.create_subprocess_exec(
            *words, env=self._own, stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=stderr
        )


@contextlib.asynccontextmanager
async def ending(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """The client ends with what it was for, and is waited for."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin:
            process.stdin.close()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # asyncio leaves a killed client's pipes to the collector
