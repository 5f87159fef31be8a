"""What is on the board's USB: twins that have a terminal, and those that are a USB device by themselves."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from hw.board.monitor import Monitor, MonitorError

LOOK_S = 0.5
TAKES = ("running", "prelaunch")
"""States of a machine (QMP, RunState) in which it is plugged into: one that is still being taken up from where it was
saved takes nothing rightly."""
Words = Mapping[str, object]
log = logging.getLogger("board")


class Plug(NamedTuple):
    """How QEMU gets to a twin: `where` it is now (empty: pulled out), the backend for that, and the device."""

    where: Callable[[], str]
    backend: Callable[[str], Words]
    device: Words


def adapter(name: str, link: Path) -> Plug:
    """A twin with a terminal, which `link` is to, behind an FTDI adapter: in the guest
    /dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_hdu-NAME-if00-port0."""
    return Plug(
        lambda: str(link.readlink()) if link.is_symlink() else "",
        lambda terminal: {"type": "serial", "data": {"device": terminal}},
        {"driver": "usb-serial", "serial": f"hdu-{name}"},
    )


def redirected(socket: Path) -> Plug:
    """A twin that is a whole USB device by itself, at a socket in QEMU's own folder."""
    at = {"type": "unix", "data": {"path": socket.name}}
    return Plug(
        lambda: str(socket.stat().st_ino) if socket.exists() else "",
        lambda _: {"type": "socket", "data": {"addr": at, "server": False}},
        {"driver": "usb-redir"},
    )


class Adapter:
    """Follows where its twin is: plugged while there is one, replugged for another."""

    def __init__(self, monitor: Monitor, name: str, plug: Plug) -> None:
        self.monitor, self.name, self.plug = monitor, name, plug
        self._numbers = itertools.count(1)
        self._where, self._plugged = "", ""
        self._left: list[str] = []

    async def follow(self) -> None:
        """While one machine is there."""
        self._where, self._plugged, self._left = "", "", list[str]()
        try:
            while True:
                if (await self.monitor.execute("query-status"))["status"] in TAKES:
                    await self._look()
                await asyncio.sleep(LOOK_S)
        except MonitorError as error:
            log.error("%s: %s", self.name, error)

    async def _look(self) -> None:
        self._left = [each for each in self._left if not await self._let_go(each)]
        now = self.plug.where()
        if now == self._where:
            return
        if self._plugged:
            await self._unplug()
        if now:
            await self._plug(now)
        self._where = now

    async def _plug(self, where: str) -> None:
        this = self._plugged = f"{self.name}{next(self._numbers)}"
        await self.monitor.execute("chardev-add", id=this, backend=self.plug.backend(where))
        await self.monitor.execute("device_add", id=this, chardev=this, **self.plug.device)

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
