"""A socket that QEMU's `usb-redir` is connected to (hw/board/usb.py): there while the device is plugged in."""

import asyncio
import contextlib
from pathlib import Path

from hw.usb.redirection import Kind, Reader, packed
from hw.usb.session import Device, Session


class UsbPort:
    """`session` is that of the machine which has the device now; None while none has."""

    def __init__(self, socket: Path, device: Device) -> None:
        self.socket, self.device = socket, device
        self.session: Session | None = None
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def plugged(self) -> bool:
        return self._server is not None

    async def plug(self) -> None:
        """As soon as a machine is there, it has the device."""
        if self._server is None:
            self.socket.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self.socket)

    async def pull(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        self.socket.unlink(missing_ok=True)
        server.close()
        if self._writer and self._serving:
            self._writer.write(packed(Kind.DEVICE_DISCONNECT, b""))
            self._writer.close()
            await self._serving

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One machine, until it ends or the device is pulled out."""
        self._serving, self._writer = asyncio.current_task(), writer
        self.session = Session(self.device, writer.write)
        self.session.begin()
        packets = Reader()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                for packet in packets.take(data):
                    self.session.take(packet)
        self.session, self._writer = None, None
        writer.close()
