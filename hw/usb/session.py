"""A device that is plugged into one machine: what QEMU asks of it and is told. No clock, no socket."""

import struct
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from hw.usb import redirection
from hw.usb.control import INWARD, Setup
from hw.usb.redirection import SUCCESS, Endpoint, Kind, Packet, packed

KEPT = 64  # packets that wait to be asked for; the oldest gives way, as in a modem's own queue


class Description(NamedTuple):
    """`classes` is class and subclass by interface, `endpoints` the addresses usable in an alternate setting (0 is the
    one it begins with)."""

    vendor: int
    product: int
    release: int
    classes: Mapping[int, tuple[int, int]]
    endpoints: Mapping[tuple[int, int], Mapping[int, Endpoint]]


class Device(Protocol):
    """What is behind the pipes."""

    description: Description

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """The answer, empty where something was set; None is a stall."""

    def taken(self, endpoint: int, content: bytes) -> None:
        """What the machine sent, packet by packet."""


class Session:
    """`streaming` are the isochronous endpoints that the machine takes from or gives to."""

    def __init__(self, device: Device, write: Callable[[bytes], None]) -> None:
        self.device, self.write = device, write
        self.streaming, self._listening = set[int](), set[int]()
        self._configuration = 0
        self._waiting: dict[int, deque[bytes]] = {}
        self._asked: dict[int, deque[int]] = {}
        self._reset_alternates()
        self._answers: dict[int, Callable[[Packet], None]] = {
            Kind.RESET: lambda _: self._reset_alternates(),
            Kind.SET_CONFIGURATION: self._configure,
            Kind.GET_CONFIGURATION: self._configured,
            Kind.SET_ALT_SETTING: self._alternate,
            Kind.GET_ALT_SETTING: self._alternative,
            Kind.START_ISO_STREAM: self._stream,
            Kind.STOP_ISO_STREAM: self._stream,
            Kind.START_INTERRUPT_RECEIVING: self._listen,
            Kind.STOP_INTERRUPT_RECEIVING: self._listen,
            Kind.CANCEL_DATA_PACKET: self._cancelled,
            Kind.CONTROL: self._control,
            Kind.BULK: self._bulk,
            Kind.ISO: self._played,
        }

    def begin(self) -> None:
        """Plugged in: it says what it is."""
        what = self.device.description
        self.write(redirection.hello() + redirection.interfaces(what.classes))
        self._tell_endpoints()
        self.write(redirection.device(what.vendor, what.product, what.release))

    def take(self, packet: Packet) -> None:
        """What is of no kind that a device here has to do with is passed over."""
        if answer := self._answers.get(packet.kind):
            answer(packet)

    def stream(self, endpoint: int, content: bytes) -> None:
        """An isochronous packet, lost where nobody takes it."""
        if endpoint in self.streaming:
            self.write(redirection.data(Kind.ISO, endpoint, content))

    def notify(self, endpoint: int, content: bytes) -> None:
        """By interrupt, as soon as the machine listens."""
        if endpoint in self._listening:
            self.write(redirection.data(Kind.INTERRUPT, endpoint, content))
        else:
            self._waiting.setdefault(endpoint, deque(maxlen=KEPT)).append(content)

    def send(self, endpoint: int, content: bytes) -> None:
        """In bulk, as soon as the machine asks for it."""
        self._waiting.setdefault(endpoint, deque(maxlen=KEPT)).append(content)
        self._serve(endpoint)

    def _serve(self, endpoint: int) -> None:
        waiting, asked = self._waiting.get(endpoint), self._asked.get(endpoint)
        while waiting and asked:
            self.write(redirection.bulk(endpoint, waiting.popleft(), asked.popleft()))

    def _reset_alternates(self) -> None:
        self.alternates = dict.fromkeys(self.device.description.classes, 0)
        self.streaming.clear()
        self._listening.clear()
        self._waiting.clear()
        self._asked.clear()

    def _tell_endpoints(self) -> None:
        usable = dict[int, Endpoint]()
        for setting in self.alternates.items():
            usable |= self.device.description.endpoints.get(setting, {})
        self.write(redirection.endpoints(usable))

    def _configure(self, packet: Packet) -> None:
        self._reset_alternates()
        self._configuration = packet.body[0]
        self._tell_endpoints()
        self._configured(packet)

    def _configured(self, packet: Packet) -> None:
        self._say(packet, Kind.CONFIGURATION_STATUS, SUCCESS, self._configuration)

    def _alternate(self, packet: Packet) -> None:
        interface, alternate = packet.body
        self.alternates[interface] = alternate
        self._tell_endpoints()
        self._alternative(packet)

    def _alternative(self, packet: Packet) -> None:
        interface = packet.body[0]
        self._say(packet, Kind.ALT_SETTING_STATUS, SUCCESS, interface, self.alternates.get(interface, 0))

    def _stream(self, packet: Packet) -> None:
        endpoint = packet.body[0]
        (self.streaming.add if packet.kind == Kind.START_ISO_STREAM else self.streaming.discard)(endpoint)
        self._say(packet, Kind.ISO_STREAM_STATUS, SUCCESS, endpoint)

    def _listen(self, packet: Packet) -> None:
        endpoint = packet.body[0]
        (self._listening.add if packet.kind == Kind.START_INTERRUPT_RECEIVING else self._listening.discard)(endpoint)
        self._say(packet, Kind.INTERRUPT_RECEIVING_STATUS, SUCCESS, endpoint)
        while endpoint in self._listening and self._waiting.get(endpoint):
            self.notify(endpoint, self._waiting[endpoint].popleft())

    def _played(self, packet: Packet) -> None:
        self.device.taken(packet.body[0], packet.body[redirection.DATA_HEADER.size :])

    def _bulk(self, packet: Packet) -> None:
        endpoint, content = packet.body[0], packet.body[redirection.BULK_HEADER.size :]
        if endpoint & INWARD:
            self._asked.setdefault(endpoint, deque()).append(packet.id)
            self._serve(endpoint)
        else:
            self.write(redirection.bulk(endpoint, b"", packet.id, len(content)))
            self.device.taken(endpoint, content)

    def _cancelled(self, packet: Packet) -> None:
        for asked in self._asked.values():
            if packet.id in asked:
                asked.remove(packet.id)

    def _control(self, packet: Packet) -> None:
        head, said = redirection.CONTROL_HEADER, packet.body
        endpoint, request, kind, _, value, target, length = head.unpack_from(said)
        answer = self.device.control(Setup(kind, request, value, target, length), said[head.size :])
        status = redirection.STALL if answer is None else SUCCESS
        done = 0 if answer is None else len(answer) if kind & INWARD else length
        header = head.pack(endpoint, request, kind, status, value, target, done)
        self.write(packed(Kind.CONTROL, header + (answer or b""), packet.id))

    def _say(self, packet: Packet, kind: Kind, *values: int) -> None:
        self.write(packed(kind, struct.pack(f"<{len(values)}B", *values), packet.id))
