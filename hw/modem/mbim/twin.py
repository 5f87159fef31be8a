"""An LTE modem at a machine's USB, as ModemManager and NetworkManager drive it; its AT port is another twin's
(hw/modem/twin.py)."""

import asyncio
from collections import deque
from pathlib import Path

from hw.modem.mbim import blocks, messages
from hw.modem.mbim.descriptors import COMMANDS, DATA_IN, DESCRIPTION, DESCRIPTORS, NOTIFY_IN, STRINGS
from hw.modem.mbim.internet import Internet
from hw.modem.mbim.messages import Cid
from hw.modem.mbim.radio import Radio
from hw.usb.control import INWARD, Setup, standard
from hw.usb.port import UsbPort

SEND_COMMAND, GET_RESPONSE, RESPONSE_AVAILABLE = 0x00, 0x01, 0x01  # CDC 1.2, 6.2 and 6.3
GET_NTB_PARAMETERS = 0x80  # NCM 1.0, 6.2
NOTICE = bytes((0xA1, RESPONSE_AVAILABLE, 0, 0, COMMANDS, 0, 0, 0))
KNOWN = ("registered", "carries", "plugged", "heal")


class MbimTwin:
    """`apn` is the access point that the unit named, `bytes` what the bearer carried."""

    description = DESCRIPTION

    def __init__(self, socket: Path) -> None:
        self.port, self.radio = UsbPort(socket, self), Radio()
        self.internet = Internet(self._to_unit)
        self._said: deque[bytes] = deque()
        self._sequence = 0
        self._tasks = set[asyncio.Task[None]]()

    async def start(self) -> None:
        self.radio = Radio()
        self._said.clear()
        await self.port.plug()

    async def close(self) -> None:
        await self.port.pull()
        self.internet.close()

    def state(self) -> dict[str, object]:
        return {
            "plugged": self.port.plugged,
            "registered": self.radio.registered,
            "connected": self.radio.connected,
            "apn": self.radio.apn,
            "carries": self.internet.carries,
            "bytes": self.internet.bytes,
        }

    async def command(self, body: dict[str, object]) -> None:
        for name, value in body.items():
            if name not in KNOWN or not isinstance(value, bool):
                raise ValueError(f"mbim: {name} = {value!r} is not known here; use true or false of {', '.join(KNOWN)}")
        if body.get("heal"):
            body = {"plugged": True, "registered": True, "carries": True, **body}
        self.internet.carries = bool(body.get("carries", self.internet.carries))
        if body.get("registered", self.radio.registered) != self.radio.registered:
            self._network(not self.radio.registered)
        if "plugged" in body:
            await (self.start() if body["plugged"] else self.close())

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        if setup.standard:
            return standard(setup, DESCRIPTORS, STRINGS)
        if setup.request == SEND_COMMAND and not setup.kind & INWARD:
            self._hear(data)
            return b""
        if setup.request == GET_RESPONSE:
            return self._said.popleft() if self._said else None
        return blocks.PARAMETERS[: setup.length] if setup.request == GET_NTB_PARAMETERS else None

    def taken(self, endpoint: int, content: bytes) -> None:  # noqa: ARG002  # there is one way out
        for datagram in blocks.datagrams(content):
            task = asyncio.ensure_future(self.internet.take(datagram))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _to_unit(self, datagram: bytes) -> None:
        if self.port.session and self.radio.connected:
            self._sequence += 1
            self.port.session.send(DATA_IN, blocks.packed(datagram, self._sequence))

    def _hear(self, message: bytes) -> None:
        kind, transaction = messages.kind_of(message)
        if kind == messages.COMMAND:
            asked = messages.command(message)
            self._say(messages.answered(asked, self.radio.answer(asked)))
        elif kind in (messages.OPEN, messages.CLOSE):
            self._said.clear()
            self._say(messages.opened(kind, transaction))

    def _network(self, there: bool) -> None:
        """It comes, or goes and takes the bearer with it."""
        self.radio.registered = there
        self.radio.connected = self.radio.connected and there
        self._say(messages.told(Cid.REGISTER_STATE, self.radio.registration()))
        if not there:
            self._say(messages.told(Cid.CONNECT, self.radio.bearer()))

    def _say(self, message: bytes) -> None:
        self._said.append(message)
        if self.port.session:
            self.port.session.notify(NOTIFY_IN, NOTICE)
