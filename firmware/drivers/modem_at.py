"""The modem: `pyserial` in one thread on one AT port, commands one at a time, answers to the event loop.

The thread sleeps in select(2) until there is a command or a byte. A port that goes is looked for again, by its path or
glob, with the next command.
"""

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from firmware.drivers.at_lines import Command
from firmware.drivers.at_port import WRITE_S, Answer, AtPort, ModemAbsent


class _Job(NamedTuple):
    command: Command | None  # None: close the port, so that the next command opens it anew
    future: "asyncio.Future[Answer]"


class AtModem:
    """`where`, `baud` and `answer_s` as in AtPort; `heard` is called on the loop with each line nobody had asked for,
    `lost` with the reason when the port goes."""

    def __init__(
        self, where: str, baud: int, answer_s: float, heard: Callable[[str], object], lost: Callable[[str], object]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        tell_heard, tell_lost = (lambda line: self._tell(heard, line)), (lambda reason: self._tell(lost, reason))
        self._port = AtPort(where, baud, answer_s, tell_heard, tell_lost, self._wake)
        self._thread = threading.Thread(target=self._run, name="modem", daemon=True)
        self._thread.start()

    @property
    def port(self) -> str:
        """The device that is open, links resolved; empty where none is."""
        return self._port.name

    async def ask(self, command: Command) -> Answer:
        """The lines of the information response; ModemAbsent, ModemSilent or ModemRefused where it went wrong."""
        return await self._put(command)

    async def reopen(self) -> None:
        """Closes the port; the next command opens it, or the next one the glob finds."""
        await self._put(None)

    async def close(self) -> None:
        """Ends the thread after the command it is at, within that command's time."""
        if self._port.closing:
            return
        self._port.closing = True
        os.eventfd_write(self._wake, 1)
        await asyncio.to_thread(self._thread.join, self._port.answer_s + WRITE_S)

    async def _put(self, command: Command | None) -> Answer:
        if not self._thread.is_alive():
            raise RuntimeError("modem: the thread of the port has ended; the service must start again")
        job = _Job(command, self._loop.create_future())
        self._jobs.put(job)
        os.eventfd_write(self._wake, 1)
        return await job.future

    def _run(self) -> None:
        while not self._port.closing:
            try:
                self._do(self._jobs.get_nowait())
            except queue.Empty:
                self._listen()
        self._port.drop()
        os.close(self._wake)

    def _do(self, job: _Job) -> None:
        try:
            self._tell(_settle, job.future, self._answer(job.command))
        except Exception as error:  # a fault of ours too is told to who asked, who ends the service by it
            self._tell(_settle, job.future, error)

    def _answer(self, command: Command | None) -> Answer:
        if command:
            return self._port.answer(command)
        self._port.turn_away()
        return ()

    def _listen(self) -> None:
        with contextlib.suppress(ModemAbsent):  # told to `lost`
            for line in self._port.read(None):
                self._port.heard(line)

    def _tell(self, what: Callable[..., object], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(what, *values)


def _settle(future: "asyncio.Future[Answer]", result: Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
