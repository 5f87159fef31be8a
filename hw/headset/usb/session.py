"""A headset that is plugged into one machine: what QEMU asks of it and is told. No clock, no socket."""

import struct
from collections.abc import Callable

from hw.headset.usb import redirection
from hw.headset.usb.controls import Controls, Setup
from hw.headset.usb.descriptors import (
    BUTTON,
    BUTTON_IN,
    CONTROL,
    EAR,
    EAR_BYTES,
    EAR_OUT,
    MICROPHONE,
    MICROPHONE_BYTES,
    MICROPHONE_IN,
    PRODUCT,
    RELEASE,
    TELEPHONY,
    VENDOR,
)
from hw.headset.usb.redirection import BY_INTERRUPT, ISOCHRONOUS, SUCCESS, Endpoint, Kind, Packet, packed

CLASSES = {CONTROL: (1, 1), EAR: (1, 2), MICROPHONE: (1, 2), BUTTON: (3, 0)}
STREAMS = {
    EAR: (EAR_OUT, Endpoint(ISOCHRONOUS, 1, EAR, EAR_BYTES)),
    MICROPHONE: (MICROPHONE_IN, Endpoint(ISOCHRONOUS, 1, MICROPHONE, MICROPHONE_BYTES)),
}


class Session:
    """`capturing` while the machine takes sound; `heard` is given what it plays, a millisecond a packet."""

    def __init__(self, controls: Controls, write: Callable[[bytes], None], heard: Callable[[bytes], None]) -> None:
        self.controls, self.write, self.heard = controls, write, heard
        self.alternates = dict.fromkeys(STREAMS, 0)
        self.capturing = False
        self._configuration = 0
        self._answers: dict[int, Callable[[Packet], None]] = {
            Kind.RESET: self._reset,
            Kind.SET_CONFIGURATION: self._configure,
            Kind.GET_CONFIGURATION: self._configured,
            Kind.SET_ALT_SETTING: self._alternate,
            Kind.GET_ALT_SETTING: self._alternative,
            Kind.START_ISO_STREAM: self._stream,
            Kind.STOP_ISO_STREAM: self._stop,
            Kind.START_INTERRUPT_RECEIVING: self._listened_to,
            Kind.STOP_INTERRUPT_RECEIVING: self._listened_to,
            Kind.CONTROL: self._control,
            Kind.ISO: self._played,
        }

    def begin(self) -> None:
        """Plugged in: it says what it is."""
        self.write(redirection.hello() + redirection.interfaces(CLASSES))
        self._tell_endpoints()
        self.write(redirection.device(VENDOR, PRODUCT, RELEASE))

    def take(self, packet: Packet) -> None:
        """What is of no kind that a headset has to do with is passed over."""
        if answer := self._answers.get(packet.kind):
            answer(packet)

    def capture(self, sound: bytes) -> None:
        """A millisecond from the microphone, lost where nobody takes it."""
        if self.capturing:
            self.write(redirection.data(Kind.ISO, MICROPHONE_IN, sound))

    def press(self) -> None:
        """Its button, down and up."""
        for down in (1, 0):
            self.write(redirection.data(Kind.INTERRUPT, BUTTON_IN, bytes((TELEPHONY, down))))

    def _tell_endpoints(self) -> None:
        usable = dict(STREAMS[interface] for interface, alternate in self.alternates.items() if alternate)
        self.write(redirection.endpoints({**usable, BUTTON_IN: Endpoint(BY_INTERRUPT, 10, BUTTON, 8)}))

    def _reset(self, _: Packet) -> None:
        self.alternates, self.capturing = dict.fromkeys(STREAMS, 0), False

    def _configure(self, packet: Packet) -> None:
        self._reset(packet)
        self._configuration = packet.body[0]
        self._tell_endpoints()
        self._configured(packet)

    def _configured(self, packet: Packet) -> None:
        self._say(packet, Kind.CONFIGURATION_STATUS, SUCCESS, self._configuration)

    def _alternate(self, packet: Packet) -> None:
        interface, alternate = packet.body
        if interface in self.alternates:
            self.alternates[interface] = alternate
        self._tell_endpoints()
        self._alternative(packet)

    def _alternative(self, packet: Packet) -> None:
        interface = packet.body[0]
        self._say(packet, Kind.ALT_SETTING_STATUS, SUCCESS, interface, self.alternates.get(interface, 0))

    def _stream(self, packet: Packet) -> None:
        self.capturing |= packet.body[0] == MICROPHONE_IN
        self._say(packet, Kind.ISO_STREAM_STATUS, SUCCESS, packet.body[0])

    def _stop(self, packet: Packet) -> None:
        self.capturing &= packet.body[0] != MICROPHONE_IN
        self._say(packet, Kind.ISO_STREAM_STATUS, SUCCESS, packet.body[0])

    def _played(self, packet: Packet) -> None:
        self.heard(packet.body[redirection.DATA_HEADER.size :])

    def _listened_to(self, packet: Packet) -> None:
        self._say(packet, Kind.INTERRUPT_RECEIVING_STATUS, SUCCESS, packet.body[0])

    def _control(self, packet: Packet) -> None:
        head, said = redirection.CONTROL_HEADER, packet.body
        endpoint, request, kind, _, value, target, length = head.unpack_from(said)
        answer = self.controls.answer(Setup(kind, request, value, target, length), said[head.size :])
        status = redirection.STALL if answer is None else SUCCESS
        back = answer or b""
        done = len(back) if kind & 0x80 else length
        header = head.pack(endpoint, request, kind, status, value, target, 0 if answer is None else done)
        self.write(packed(Kind.CONTROL, header + back, packet.id))

    def _say(self, packet: Packet, kind: Kind, *values: int) -> None:
        self.write(packed(kind, struct.pack(f"<{len(values)}B", *values), packet.id))
