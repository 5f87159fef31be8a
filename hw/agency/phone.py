"""The agency's phone: a baresip of its own, told what to do over its control port, wherever its namespace is.

Its microphone and its ear are the ALSA device `headset` of the desk it stands on.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MODULES = ("g711.so", "opus.so", "plc.so", "srtp.so", "dtls_srtp.so", "alsa.so")
START_S = 10.0
Event = dict[str, Any]


def configuration(address: str, port: int, control_port: int) -> str:
    """Its file `config`: small buffers, so that what is measured is the unit's and the network's."""
    return "\n".join(
        [
            f"sip_listen {address}:{port}",
            f"net_interface {address}",
            "call_max_calls 4",
            "audio_source alsa,headset",
            "audio_player alsa,headset",
            "audio_alert none,none",
            "audio_buffer 20-160",
            "jitter_buffer_delay 2-10",
            "rtp_ports 20000-20099",
            "module_path /usr/lib/baresip/modules",
            *(f"module {name}" for name in MODULES),
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{control_port}",
            "statmode_default off",
            "ringback_disabled yes",
            "opus_stereo no",
            "opus_sprop_stereo no",
            "opus_inbandfec yes",
            "opus_packet_loss 10",
            "",
        ]
    )


class Phone:
    """One running phone; `told` gets every event of it."""

    def __init__(self, folder: Path, prefix: Sequence[str], told: Callable[[Event], None]) -> None:
        self.folder, self.prefix, self.told = folder, tuple(prefix), told
        self.processes: list[asyncio.subprocess.Process] = []
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[str]] = {}
        self.environment: dict[str, str] = {}

    async def start(self, config: str, accounts: str, control_port: int, environment: dict[str, str]) -> None:
        """Up and connected; RuntimeError where it is not within START_S."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config").write_text(config)
        (self.folder / "accounts").write_text(accounts)
        self.environment = {**os.environ, **environment}
        with (self.folder / "log").open("wb") as log:
            self.processes.append(await self._spawn("baresip", "-4", "-f", str(self.folder), out=log.fileno()))
        async with asyncio.timeout(START_S):
            while True:
                if await self._connect(control_port):
                    return
                await asyncio.sleep(0.05)

    async def _spawn(self, *command: str, out: int) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        die_with_us = ("setpriv", "--pdeathsig", "KILL")
        return await asyncio.create_subprocess_exec(
            *(*self.prefix, *die_with_us, *command),
            stdin=pipe,
            stdout=out,
            stderr=asyncio.subprocess.DEVNULL,
            env=self.environment,
        )

    async def _connect(self, port: int) -> bool:
        """socat carries the control connection, because it can be in another network namespace."""
        line = await self._spawn("socat", "-", f"TCP:127.0.0.1:{port}", out=asyncio.subprocess.PIPE)
        self._line = line
        self._reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait_for(self.do("reginfo"), 1.0)
        except (TimeoutError, OSError):
            self._reading.cancel()
            await _gone(line)
            return False
        self.processes.append(line)
        return True

    async def _read(self) -> None:
        assert self._line.stdout
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = int((await self._line.stdout.readuntil(b":"))[:-1])
                self._take(json.loads((await self._line.stdout.readexactly(length + 1))[:-1]))

    def _take(self, message: Event) -> None:
        answer = self._answers.pop(str(message.get("token")), None)
        if answer and not answer.done():
            answer.set_result(str(message.get("data", "")))
        elif message.get("event"):
            self.told(message)

    async def do(self, command: str, params: str = "") -> str:
        """One command and what the phone says to it."""
        token = f"{command}{len(self._answers)}"
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        body = json.dumps({"command": command, "params": params, "token": token}).encode()
        assert self._line.stdin
        self._line.stdin.write(b"%d:%s," % (len(body), body))
        await self._line.stdin.drain()
        return await asyncio.wait_for(answer, 5.0)

    async def close(self) -> None:
        if self._reading:
            self._reading.cancel()
        for process in self.processes:
            await _gone(process)


async def _gone(process: asyncio.subprocess.Process) -> None:
    if process.stdin:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
