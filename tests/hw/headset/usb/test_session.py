"""What a machine asks of a headset that is plugged in, in the order in which one does."""

import struct
from pathlib import Path

import pytest

from hw.headset.usb.controls import GET_CUR, SET_CUR, SET_REPORT
from hw.headset.usb.descriptors import (
    BUTTON,
    CONFIGURATION,
    DEVICE,
    EAR_OUT,
    EAR_UNIT,
    MICROPHONE,
    MICROPHONE_IN,
    MICROPHONE_UNIT,
    REPORT,
)
from hw.headset.usb.twin import UsbHeadsetTwin
from hw.usb import redirection
from hw.usb.control import GET_DESCRIPTOR
from hw.usb.redirection import CONTROL_HEADER, STALL, SUCCESS, Kind, Packet, Reader
from hw.usb.session import Session


class Machine:
    """The other side: what it is told, and what it asks."""

    def __init__(self) -> None:
        self.reader, self.told = Reader(), list[Packet]()
        self.headset = UsbHeadsetTwin(Path("unplugged"))
        self.session = Session(self.headset, lambda data: self.told.extend(self.reader.take(data)))

    def asks(self, kind: Kind, *body: int) -> Packet:
        self.session.take(Packet(kind, 7, bytes(body)))
        return self.told[-1]

    def controls(self, kind: int, request: int, value: int, target: int, data: bytes = b"", length: int = 255) -> bytes:
        """The answer; AssertionError with it where it is a stall."""
        head = CONTROL_HEADER.pack(0, request, kind, 0, value, target, len(data) or length)
        self.session.take(Packet(Kind.CONTROL, 9, head + data))
        answer = self.told[-1]
        assert (answer.kind, answer.id, answer.body[3]) == (Kind.CONTROL, 9, SUCCESS), answer
        return answer.body[CONTROL_HEADER.size :]


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_plugged_in_it_says_what_it_is_before_it_is_there(machine: Machine) -> None:
    machine.session.begin()
    assert [packet.kind for packet in machine.told] == [
        Kind.HELLO,
        Kind.INTERFACE_INFO,
        Kind.EP_INFO,
        Kind.DEVICE_CONNECT,
    ]


@pytest.mark.parametrize(("kind", "wanted"), [(1, DEVICE), (2, CONFIGURATION), (0x22, REPORT)])
def test_descriptors_are_whole_and_as_long_as_they_say(machine: Machine, kind: int, wanted: bytes) -> None:
    assert machine.controls(0x80, GET_DESCRIPTOR, kind << 8, 0) == wanted
    assert machine.controls(0x80, GET_DESCRIPTOR, kind << 8, 0, length=9) == wanted[:9]
    assert struct.unpack_from("<H", CONFIGURATION, 2)[0] == len(CONFIGURATION)


def test_every_descriptor_in_the_configuration_ends_where_the_next_begins() -> None:
    at = 0
    while at < len(CONFIGURATION):
        assert CONFIGURATION[at] >= 2
        at += CONFIGURATION[at]
    assert at == len(CONFIGURATION)


def test_a_mute_is_set_read_back_and_that_of_the_ear_is_another(machine: Machine) -> None:
    machine.controls(0x21, SET_CUR, 0x0100, MICROPHONE_UNIT << 8, b"\1")
    assert machine.controls(0xA1, GET_CUR, 0x0100, MICROPHONE_UNIT << 8) == b"\1"
    assert machine.controls(0xA1, GET_CUR, 0x0100, EAR_UNIT << 8) == b"\0"


def test_a_volume_in_256ths_of_a_db(machine: Machine) -> None:
    machine.controls(0x21, SET_CUR, 0x0200, EAR_UNIT << 8, struct.pack("<h", -10 * 256))
    assert struct.unpack("<h", machine.controls(0xA1, GET_CUR, 0x0200, EAR_UNIT << 8)) == (-10 * 256,)


@pytest.mark.parametrize(
    ("kind", "request_", "value", "target"),
    [(0x80, GET_DESCRIPTOR, 0x0600, 0), (0xA1, GET_CUR, 0x0101, EAR_UNIT << 8), (0xA1, GET_CUR, 0x0100, 9 << 8)],
)
def test_what_it_has_not_is_a_stall(machine: Machine, kind: int, request_: int, value: int, target: int) -> None:
    head = CONTROL_HEADER.pack(0, request_, kind, 0, value, target, 10)
    machine.session.take(Packet(Kind.CONTROL, 9, head))
    assert machine.told[-1].body[3] == STALL


def test_the_lamp_is_lit_by_a_report(machine: Machine) -> None:
    machine.controls(0x21, SET_REPORT, 0x0201, BUTTON, b"\1\1")
    assert machine.headset.controls.lamp
    machine.controls(0x21, SET_REPORT, 0x0201, BUTTON, b"\1\0")
    assert not machine.headset.controls.lamp


def test_an_endpoint_is_there_while_its_alternate_setting_is(machine: Machine) -> None:
    machine.asks(Kind.SET_ALT_SETTING, MICROPHONE, 1)
    told = {packet.kind: packet.body for packet in machine.told[-2:]}
    assert told[Kind.EP_INFO][18] == redirection.ISOCHRONOUS
    assert told[Kind.ALT_SETTING_STATUS] == bytes((SUCCESS, MICROPHONE, 1))
    machine.asks(Kind.SET_CONFIGURATION, 1)
    assert {packet.kind: packet.body for packet in machine.told[-2:]}[Kind.EP_INFO][18] == redirection.INVALID


def test_sound_goes_to_the_machine_only_while_it_takes_it(machine: Machine) -> None:
    machine.session.stream(MICROPHONE_IN, b"lost")
    assert machine.asks(Kind.START_ISO_STREAM, MICROPHONE_IN, 8, 3).body == bytes((SUCCESS, MICROPHONE_IN))
    machine.session.stream(MICROPHONE_IN, b"came")
    assert machine.told[-1].body[4:] == b"came"
    machine.asks(Kind.STOP_ISO_STREAM, MICROPHONE_IN)
    machine.session.stream(MICROPHONE_IN, b"lost")
    assert sum(packet.kind == Kind.ISO for packet in machine.told) == 1


def test_what_is_played_is_heard(machine: Machine) -> None:
    loud = struct.pack("<h", 16384) * 96
    machine.session.take(Packet(Kind.ISO, 0, redirection.DATA_HEADER.pack(EAR_OUT, 0, len(loud)) + loud))
    assert machine.headset.state()["ear_rms"] == pytest.approx(0.5)


def test_what_is_sent_in_bulk_waits_until_it_is_asked_for(machine: Machine) -> None:
    machine.session.send(0x84, b"early")
    machine.session.take(Packet(Kind.BULK, 5, redirection.BULK_HEADER.pack(0x84, 0, 512, 0, 0)))
    machine.session.take(Packet(Kind.BULK, 6, redirection.BULK_HEADER.pack(0x84, 0, 512, 0, 0)))
    machine.session.take(Packet(Kind.CANCEL_DATA_PACKET, 6, b""))
    machine.session.take(Packet(Kind.BULK, 7, redirection.BULK_HEADER.pack(0x84, 0, 512, 0, 0)))
    machine.session.send(0x84, b"late")
    assert [(packet.id, packet.body[10:]) for packet in machine.told] == [(5, b"early"), (7, b"late")]


def test_what_no_headset_knows_is_passed_over(machine: Machine) -> None:
    machine.session.take(Packet(23, 0, b""))
    machine.session.take(Packet(Kind.CANCEL_DATA_PACKET, 1, b""))
    assert machine.told == []


def test_a_notice_waits_until_the_machine_listens(machine: Machine) -> None:
    machine.session.notify(0x83, b"early")
    assert machine.told == []
    machine.asks(Kind.START_INTERRUPT_RECEIVING, 0x83)
    machine.session.notify(0x83, b"late")
    assert [packet.body[4:] for packet in machine.told if packet.kind == Kind.INTERRUPT] == [b"early", b"late"]
