"""The bench's supervisor: every service a process of its own, restarted when it ends, as systemd does on a unit."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("bench")
RESTART_S = 0.1  # systemd's own default (RestartSec=, systemd.service(5))
STOP_S = 3.0


@dataclass(frozen=True)
class Program:
    """One process: `ready` says when it serves (None: when it says READY=1 on its notify socket)."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None


class Process:
    """A program kept running until `stop`."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.is_ready = asyncio.Event()
        self.child: asyncio.subprocess.Process | None = None
        self.starts = 0
        self._task: asyncio.Task[None] | None = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        address = self.folder / f"{self.program.name}.notify"
        address.unlink(missing_ok=True)
        self._notify.bind(str(address))
        asyncio.get_running_loop().add_reader(self._notify, self._heard)
        self._task = asyncio.create_task(self._keep_running(str(address)))

    def _heard(self) -> None:
        if "READY=1" in self._notify.recv(4096).decode(errors="replace").split("\n"):
            self.is_ready.set()

    async def _keep_running(self, address: str) -> None:
        while True:
            await self._run_once(address)
            await asyncio.sleep(RESTART_S)

    async def _run_once(self, address: str) -> None:
        self.is_ready.clear()
        environment = {**os.environ, **self.program.environment, "NOTIFY_SOCKET": address}
        with (self.folder / f"{self.program.name}.log").open("ab") as out:
            self.child = await asyncio.create_subprocess_exec(
                *self.program.argv, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
            )
        self.starts += 1
        code = await self.child.wait()
        log.info("%s ended (%s)", self.program.name, code)

    async def ready(self, bound_s: float) -> None:
        """Returns when the program serves; TimeoutError, naming it and its log, after `bound_s`."""
        ends = time.monotonic() + bound_s
        while not (self.program.ready() if self.program.ready else self.is_ready.is_set()):
            if time.monotonic() > ends:
                raise TimeoutError(f"{self.program.name} is not ready after {bound_s:g} s: {self.last_words()}")
            await asyncio.sleep(0.01)

    def last_words(self) -> str:
        file = self.folder / f"{self.program.name}.log"
        text = file.read_text(errors="replace").strip() if file.exists() else ""
        return text.splitlines()[-1] if text else "it said nothing"

    @property
    def pid(self) -> int | None:
        """None between two lives."""
        return self.child.pid if self.child is not None and self.child.returncode is None else None

    def signal(self, number: signal.Signals) -> None:
        """ProcessLookupError where it is between two lives."""
        if self.child is None or self.pid is None:
            raise ProcessLookupError(f"{self.program.name} is not running just now; try again")
        self.child.send_signal(number)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.child is not None and self.child.returncode is None:
            await self._end(self.child)
        asyncio.get_running_loop().remove_reader(self._notify)
        self._notify.close()

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), STOP_S)
            except TimeoutError:
                child.kill()
                await child.wait()


class Processes:
    """All of them by name; stopped together."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.all = folder, dict[str, Process]()

    async def start(self, *programs: Program, bound_s: float = 60.0) -> None:
        """Starts the programs together and returns when each serves."""
        started = [Process(program, self.folder) for program in programs]
        self.all.update({process.program.name: process for process in started})
        for process in started:
            await process.start()
        await asyncio.gather(*(process.ready(bound_s) for process in started))

    def __getitem__(self, name: str) -> Process:
        if name not in self.all:
            raise ValueError(f"service: {name} is not one of {', '.join(self.all)}")
        return self.all[name]

    async def stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.all.values()))


def python(*arguments: str) -> list[str]:
    """This Python running one of our modules."""
    return [sys.executable, "-m", *arguments]


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """`argv` in a named network namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *argv]
