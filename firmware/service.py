"""What running a service means: configuration, bus, readiness, watchdog, one task group, clean stop, logs.

A service is `run(body)`: `body(unit)` sets itself up, starts its tasks in `unit.group`, calls `unit.ready()` and
returns or goes on. The first task that fails ends the process with status 1; systemd starts it again. SIGTERM ends it
with status 0. Readiness and the watchdog speak the sd_notify(3) datagram protocol.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware import journal
from firmware.config import Config
from firmware.configfile import load

if TYPE_CHECKING:
    from sdbus import SdBus

DEFAULT_TICK_S = 1.0
GRACE_S = 2.0
log = logging.getLogger("service")


class Stopped(Exception):
    """SIGTERM came: not a failure."""


def notify(state: str) -> bool:
    """Tells systemd `state` (READY=1, WATCHDOG=1, STOPPING=1, STATUS=...); False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.connect("\0" + address[1:] if address.startswith("@") else address)
        out.send(state.encode())
    return True


def tick_s() -> float:
    """Half of the time systemd allows between two signs of life (WATCHDOG_USEC), at most DEFAULT_TICK_S."""
    return min(int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6 or DEFAULT_TICK_S, DEFAULT_TICK_S)


@dataclass
class Unit:
    """What a service body is given."""

    config: Config
    group: asyncio.TaskGroup
    _bus: "SdBus | None" = None
    faults: tuple[str, ...] = ()
    started_at: float = field(default_factory=time.monotonic)

    @property
    def bus(self) -> "SdBus":
        """The system bus; RuntimeError in a service that was run without one."""
        if self._bus is None:
            raise RuntimeError("service: this service runs without a bus; call run(..., on_bus=True)")
        return self._bus

    def ready(self) -> None:
        notify("READY=1")
        log.info("ready", extra={"after_ms": round((time.monotonic() - self.started_at) * 1000)})


Body = Callable[[Unit], Awaitable[None]]


async def _watchdog(unit: Unit) -> None:
    """A sign of life each tick, given only when the loop turns and the bus answers; BusError ends the service."""
    while True:
        if unit._bus is not None:
            from firmware import bus

            await bus.ping(unit._bus)
        notify("WATCHDOG=1")
        await asyncio.sleep(tick_s())


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    raise Stopped


async def _serve(body: Body, on_bus: bool) -> None:
    config, faults = load()
    for fault in faults:
        log.error("configuration fault: %s", fault)
    async with asyncio.TaskGroup() as group:
        group.create_task(_until_stopped(), name="stop")
        unit = Unit(config, group, faults=faults)
        if on_bus:
            from firmware import bus

            unit._bus = bus.connect()
        group.create_task(_watchdog(unit), name="watchdog")
        await body(unit)


async def _whole(body: Body, on_bus: bool) -> int:
    """The exit status: 0 when it was told to stop, 1 when it failed, each reason logged."""
    status = 0
    try:
        await _serve(body, on_bus)
    except* Stopped:
        notify("STOPPING=1")
        log.info("stopped")
    except* Exception as group:
        status = 1
        for error in _leaves(group):
            log.error("failed: %s: %s", type(error).__name__, error, exc_info=error)
    _end_within(GRACE_S, status)
    return status


def _end_within(grace_s: float, status: int) -> None:
    """A thread that hangs (a serial port, an ALSA read, a dead disk) must not keep alive a service that has ended."""
    guard = threading.Timer(grace_s, os._exit, (status,))
    guard.daemon = True
    guard.start()


def run(body: Body, *, on_bus: bool = True) -> None:
    """Runs one service until it is stopped or fails; ends the process, at most GRACE_S after its last task."""
    journal.set_up()
    status = asyncio.run(_whole(body, on_bus))
    if status:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
