"""A service as systemd runs it: a process of its own, heard on its notify socket, asked on a private bus."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
BOUND_S = 20.0


async def eventually(condition: Callable[[], Any], what: str, bound_s: float = BOUND_S) -> Any:
    """The first true value of `condition`; fails in words after `bound_s`."""
    end = time.monotonic() + bound_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {bound_s:g} s: {what}"
        await asyncio.sleep(0.01)
    return value


class Service:
    """One process; `told` is what it told systemd, `words` what it logged."""

    def __init__(self, folder: Path, *argv: str, **environment: str) -> None:
        self.folder, self.argv, self.environment = folder, argv, environment
        self.log = folder / f"{argv[-1].rpartition('/')[2]}.log"
        self.told: list[str] = []
        self.process: asyncio.subprocess.Process | None = None
        self.address = folder / f"{self.log.stem}.notify"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(self.address))
        asyncio.get_running_loop().add_reader(self._notify, self._heard)

    def _heard(self) -> None:
        self.told.append(self._notify.recv(4096).decode())

    async def spawn(self) -> None:
        settings = {"HDU_CONFIG": str(self.folder), "NOTIFY_SOCKET": str(self.address), "PYTHONPATH": str(ROOT)}
        self.told.clear()
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self.argv, env={**os.environ, **settings, **self.environment}, stdout=out, stderr=out
            )

    async def start(self) -> None:
        """Returns when it says that it is ready."""
        await self.spawn()
        await eventually(self._ready_or_dead, f"{self.argv[-1]} is ready: {self.words()}")
        assert "READY=1" in self.told, self.words()

    def _ready_or_dead(self) -> bool:
        return "READY=1" in self.told or (self.process is not None and self.process.returncode is not None)

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit status, negative for a signal; fails where it does not end."""
        assert self.process
        async with asyncio.timeout(BOUND_S):
            return await self.process.wait()

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    def words(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def close(self) -> None:
        if self.alive():
            await self.kill()
        asyncio.get_running_loop().remove_reader(self._notify)
        self._notify.close()


@asynccontextmanager
async def running(folder: Path, module: str, **environment: str) -> AsyncIterator[Service]:
    """The service `module` (as the unit starts it), or the script at that path, ready."""
    argv = (module,) if module.endswith(".py") else ("-m", *module.split("."))
    made = Service(folder, *argv, **environment)
    try:
        await made.start()
        yield made
    finally:
        await made.close()
