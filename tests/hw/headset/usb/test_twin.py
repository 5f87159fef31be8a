"""The twin at its socket, with a machine of the test's own on the other side."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hw.headset.usb.descriptors import MICROPHONE_IN, MICROPHONE_UNIT
from hw.headset.usb.twin import UsbHeadsetTwin
from hw.usb.redirection import Kind, Packet, Reader, packed
from tests.firmware.service_scene import eventually


class Machine:
    """Reads all that it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.told = reader, writer, list[Packet]()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        packets = Reader()
        while data := await self.reader.read(4096):
            self.told += packets.take(data)

    def sounds(self) -> list[bytes]:
        return [packet.body[4:] for packet in self.told if packet.kind == Kind.ISO]


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[UsbHeadsetTwin]:
    made = UsbHeadsetTwin(tmp_path / "headset.sock")
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def machine(twin: UsbHeadsetTwin) -> AsyncIterator[Machine]:
    made = Machine(*await asyncio.open_unix_connection(twin.port.socket))
    await eventually(lambda: any(packet.kind == Kind.DEVICE_CONNECT for packet in made.told), "it is there")
    yield made
    made.writer.close()
    await made.reading


async def test_speech_leaves_it_and_silence_when_its_switch_is_off(twin: UsbHeadsetTwin, machine: Machine) -> None:
    await twin.command({"speaking": True})
    machine.writer.write(packed(Kind.START_ISO_STREAM, bytes((MICROPHONE_IN, 8, 3))))
    await eventually(lambda: any(map(any, machine.sounds())), "sound")
    twin.controls.muted[MICROPHONE_UNIT] = True
    machine.told.clear()
    await eventually(lambda: len(machine.sounds()) > 20, "more packets")
    assert not any(map(any, machine.sounds()[10:]))
    await twin.command({"stuck_switch": True})
    machine.told.clear()
    await eventually(lambda: any(map(any, machine.sounds())), "sound through a switch that is stuck")


async def test_pulled_out_it_says_so_and_its_socket_is_gone(twin: UsbHeadsetTwin, machine: Machine) -> None:
    await twin.command({"plugged": False})
    await eventually(lambda: machine.told[-1].kind == Kind.DEVICE_DISCONNECT, "it is told")
    await machine.reading
    assert not twin.port.socket.exists()
    assert twin.state()["capture_switch"] is None
    with pytest.raises(ValueError, match="plug it in first"):
        await twin.command({"button": "mute"})


async def test_plugged_in_again_it_is_as_new(twin: UsbHeadsetTwin) -> None:
    twin.controls.muted[MICROPHONE_UNIT] = True
    await twin.command({"plugged": False})
    await twin.command({"plugged": True})
    assert twin.state()["capture_switch"] is True
    assert twin.port.socket.exists()


async def test_a_wrong_word_changes_nothing(twin: UsbHeadsetTwin) -> None:
    before = twin.state()
    for body in ({"loop": True}, {"plugged": 1}, {"button": "panic"}, {"level_dbfs": 3.0}):
        with pytest.raises(ValueError, match="headset: "):
            await twin.command(dict(body))
    assert twin.state() == before
