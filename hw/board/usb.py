"""A twin's terminal on the board's USB, behind a serial adapter (FTDI) that bears the twin's name."""

import asyncio
import itertools
import logging
from pathlib import Path

from hw.board.monitor import Monitor, MonitorError

LOOK_S = 0.5
log = logging.getLogger("board")


class Adapter:
    """Follows `link`, where the twin says which terminal it has: plugged while there is one, replugged for another.

    In the guest it is /dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_hdu-NAME-if00-port0.
    """

    def __init__(self, monitor: Monitor, name: str, link: Path) -> None:
        self.monitor, self.name, self.link = monitor, name, link
        self._numbers = itertools.count(1)
        self._terminal, self._plugged = "", ""
        self._left: list[str] = []

    async def follow(self) -> None:
        """While one machine runs."""
        self._terminal, self._plugged, self._left = "", "", list[str]()
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_S)
        except MonitorError as error:
            log.error("%s: %s", self.name, error)

    async def _look(self) -> None:
        self._left = [each for each in self._left if not await self._let_go(each)]
        now = str(self.link.readlink()) if self.link.is_symlink() else ""
        if now == self._terminal:
            return
        if self._plugged:
            await self._unplug()
        if now:
            await self._plug(now)
        self._terminal = now

    async def _plug(self, terminal: str) -> None:
        this = self._plugged = f"{self.name}{next(self._numbers)}"
        backend = {"type": "serial", "data": {"device": terminal}}
        await self.monitor.execute("chardev-add", id=this, backend=backend)
        await self.monitor.execute("device_add", driver="usb-serial", id=this, chardev=this, serial=f"hdu-{self.name}")

    async def _unplug(self) -> None:
        this, self._plugged = self._plugged, ""
        await self.monitor.execute("device_del", id=this)
        self._left.append(this)

    async def _let_go(self, this: str) -> bool:
        """False while QEMU has not yet done away with the adapter that had it."""
        try:
            await self.monitor.execute("chardev-remove", id=this)
        except MonitorError as error:
            return "busy" not in str(error)
        return True
