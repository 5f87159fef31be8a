"""What the power policy decided, done: each action once, in order, and none holds up the next reading."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from firmware import bus
from firmware.clock import now_rfc3339
from firmware.drivers.backlight import Backlight
from firmware.facts import Alert
from firmware.kept import sync
from firmware.service import Unit
from firmware.spool import Spool, SpoolError
from firmware.supply.policy import Action

log = logging.getLogger("power")


def flush(data: Path) -> None:
    """Everything below `data` is on disk when this returns; a file that cannot be synced is told and left."""
    for folder, _, names in os.walk(data):
        for name in names:
            try:
                handle = os.open(Path(folder) / name, os.O_RDONLY)
            except OSError:
                continue  # it was removed meanwhile
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync(Path(folder))


class Actions:
    """`transferred` is called with False when nobody takes the call over; a call that ends speaks for itself."""

    def __init__(self, unit: Unit, transferred: Callable[[bool], None]) -> None:
        self.unit, self.transferred = unit, transferred
        self.hardware = unit.config.unit.power
        self.backlight = Backlight(Path(self.hardware.backlight_root))
        self.queue: asyncio.Queue[Action] = asyncio.Queue()
        self.faults: dict[str, str] = {}

    def ask(self, *actions: Action) -> None:
        for action in actions:
            log.warning("action", extra={"action": action})
            self.queue.put_nowait(action)

    async def forever(self) -> None:
        while True:
            action = await self.queue.get()
            try:
                await self.do(action)
                self.faults.pop(action, None)
            except (OSError, SpoolError) as error:
                log.error("%s failed: %s", action, error)
                self.faults[action] = f"{action} failed: {error}"

    async def do(self, action: Action) -> None:
        """OSError or SpoolError where it cannot be done."""
        if action == "save":
            self.backlight.dim(self.hardware.dimmed_percent)
        elif action == "resume":
            self.backlight.restore()
        elif action == "warn":
            await self.warn()
        elif action == "hand-over":
            self.unit.group.create_task(self.hand_over())
        elif action == "flush":
            await asyncio.to_thread(flush, Path(self.unit.config.unit.folders.data))
        else:
            await self.command(action)

    async def warn(self) -> None:
        """The supervisor is told through the spool, so that it survives whatever comes; the dispatcher by a tone."""
        from ulid import ULID  # only here: a unit that never loses its mains never loads it

        spool = Spool(Path(self.unit.config.unit.folders.data) / "spool", self.unit.config.site.alerts.reserve_bytes)
        alert = Alert(id=str(ULID()), unit=self.unit.config.unit.name, kind="power", raised_at=now_rfc3339())
        await asyncio.to_thread(spool.put, alert)
        self.unit.group.create_task(self.sound())

    async def sound(self) -> None:
        try:
            await bus.call(self.unit.bus, "Headset", "PlayTone", "s", "battery-low")
        except bus.BusError as error:
            log.warning("no tone: %s", error)

    async def hand_over(self) -> None:
        """To the target that the site names for transfers; the call's own end tells that it was taken."""
        try:
            await bus.call(self.unit.bus, "Calls", "Transfer", "s", "")
        except bus.BusError as error:
            log.error("the call was not handed over: %s", error)
            self.transferred(False)

    async def command(self, action: Action) -> None:
        argv = self.hardware.power_off_command if action == "power-off" else self.hardware.restart_command
        process = await asyncio.create_subprocess_exec(*argv)
        if code := await process.wait():
            raise OSError(f"{' '.join(argv)} ended with {code}; see power.{action.replace('-', '_')}_command")
