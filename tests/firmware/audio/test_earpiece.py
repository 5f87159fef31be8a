"""The earpiece: tones one after the other, none without a headset, and for what other services say."""

import asyncio
import math
import shutil
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware import bus
from firmware.audio.earpiece import WAITING, Earpiece
from firmware.drivers.capture_switch import HeadsetError, HeadsetGone
from firmware.drivers.playback import play
from firmware.facts import Panel
from hw.headset.twin import HeadsetTwin
from tests.headset_scene import Ear, eventually

needs_server = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")


def unheard(level_dbfs: float, seconds: float) -> None:
    """Nobody counts."""


@pytest.fixture
async def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HeadsetTwin]:
    twin = HeadsetTwin(tmp_path / "headset")
    for name, value in twin.environment.items():
        monkeypatch.setenv(name, value)
    await twin.start()
    yield twin
    await twin.close()


@needs_server
@pytest.mark.usefixtures("twin")
async def test_tones_are_played_one_after_the_other_and_too_many_left_out() -> None:
    earpiece, loop = Earpiece(lambda: "headset", -30.0, unheard), asyncio.get_running_loop()
    began = loop.time()
    results = await asyncio.gather(
        *(earpiece.play_tone("uplink-changed") for _ in range(WAITING + 1)), return_exceptions=True
    )
    assert [type(each) for each in results] == [type(None)] * WAITING + [HeadsetError]
    assert loop.time() - began > (WAITING - 1) * 0.12  # the last drains early where the server plays ahead


async def test_without_a_headset_no_tone_and_a_reason() -> None:
    with pytest.raises(HeadsetGone, match="unplugged"):
        await Earpiece(lambda: None, -30.0, unheard).play_tone("mute-on")


async def test_a_name_that_is_not_a_tone_is_refused() -> None:
    with pytest.raises(ValueError, match="panic-taken"):
        await Earpiece(lambda: "headset", -30.0, unheard).play_tone("fanfare")


@needs_server
async def test_call_waiting_sounds_under_a_call_and_not_instead_of_it(twin: HeadsetTwin) -> None:
    """The call is a note of 1 kHz; call waiting is one of 440 Hz."""
    ear, note = Ear(twin, "ear.monitor"), [round(8_000 * math.sin(math.pi * at / 8)) for at in range(32_000)]
    call = asyncio.create_task(asyncio.to_thread(play, "headset", array("h", note), 16_000))
    listening = asyncio.create_task(ear.listen())
    await eventually(lambda: ear.part(1_000) > 0.23 and ear.part(440) < 0.01)
    await Earpiece(lambda: "headset", -30.0, unheard).play_tone("call-waiting")
    assert ear.loudest(440) > 0.02
    assert ear.part(1_000) > 0.1
    listening.cancel()
    await asyncio.gather(call, listening, return_exceptions=True)


@needs_server
@pytest.mark.usefixtures("private_bus")
async def test_a_panic_taken_is_heard(twin: HeadsetTwin) -> None:
    panel = bus.Export(bus.connect(), "Panel", Panel(panic="idle"))
    await panel.own()
    ear, earpiece = Ear(twin, "ear.monitor"), Earpiece(lambda: "headset", -30.0, unheard)
    tasks = [asyncio.create_task(ear.listen()), asyncio.create_task(earpiece.follow(panel.bus, "Panel"))]
    await eventually(lambda: len(ear.heard) > 20)
    assert not any(level for _, level in ear.heard)
    panel.set(Panel(panic="raised"))
    await eventually(lambda: any(level > 0.003 for _, level in ear.heard))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
