"""The driver on a real sound server: switches read back, a fresh look at a stale mixer, and a headset that goes."""

import asyncio
import shutil
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from firmware.config import HeadsetHardware
from firmware.drivers.capture_switch import HeadsetGone, find
from firmware.drivers.headset_alsa import RATE_HZ, Headset, attach, locate
from firmware.drivers.playback import play
from hw.headset.twin import HeadsetTwin

pytestmark = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")
WANT = HeadsetHardware(alsa_device="headset", monitor_device="headset_monitor", gate_device="headset_gate")
PERIOD_MS = 20.0
SWITCHLESS = """ctl.switchless {
    type remap
    child "headset"
    remap { "name='Capture Switch'" "name='Sidetone Playback Switch'" }
}
"""


@pytest.fixture
async def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HeadsetTwin]:
    twin = HeadsetTwin(tmp_path / "headset")
    for name, value in twin.environment.items():
        monkeypatch.setenv(name, value)
    await twin.start()
    await twin.command({"speaking": True})
    yield twin
    await twin.close()


async def hear(headset: Headset, seconds: float = 0.2) -> "array[int]":
    samples = array("h")
    async with asyncio.timeout(5):
        while len(samples) < seconds * RATE_HZ:
            samples.extend(headset.read())
            await asyncio.sleep(0.01)
    return samples


@pytest.mark.usefixtures("twin")
async def test_a_switch_is_turned_and_read_back_and_heard() -> None:
    headset = attach(locate(WANT), PERIOD_MS)
    assert headset.switch
    assert max(await hear(headset)) > 1_000
    assert headset.switch.turn(True) is True
    headset.listen(PERIOD_MS)
    assert set(await hear(headset)) == {0}
    assert headset.switch.turn(False) is False
    headset.close()


@pytest.mark.usefixtures("twin")
async def test_the_gate_is_behind_where_we_listen() -> None:
    headset = attach(locate(WANT), PERIOD_MS)
    assert headset.gate
    assert headset.gate.turn(True) is True
    headset.listen(PERIOD_MS)
    assert max(await hear(headset)) > 1_000
    headset.close()


async def test_without_a_switch_of_its_own_the_gate_is_the_switch_and_proven_behind_it(twin: HeadsetTwin) -> None:
    """ALSA's remap takes the capture switch away from the headset's mixer: what is left has none."""
    config = twin.server.folder / "asound.conf"
    config.write_text(config.read_text() + SWITCHLESS)
    assert find("switchless") is None
    names = replace(locate(WANT), mixer="switchless")
    headset = Headset(names, PERIOD_MS)
    assert headset.switch
    assert headset.gate is None
    assert max(await hear(headset)) > 1_000
    assert headset.switch.turn(True) is True
    headset.listen(PERIOD_MS)
    assert set(await hear(headset)) == {0}
    headset.close()


async def test_a_change_made_elsewhere_is_seen_by_a_fresh_mixer(twin: HeadsetTwin) -> None:
    switch = find("headset")
    assert switch
    assert switch.read() is False
    await twin.server.pactl("set-source-mute", "switch", "1")
    switch.verify()
    assert switch.read() is True
    switch.close()


async def test_a_headset_that_is_pulled_out_says_so_and_comes_back(twin: HeadsetTwin) -> None:
    headset = attach(locate(WANT), PERIOD_MS)
    await twin.command({"plugged": False})
    with pytest.raises(HeadsetGone):
        await hear(headset)
    headset.close()
    with pytest.raises(HeadsetGone, match="headset"):
        attach(locate(WANT), PERIOD_MS)
    await twin.command({"plugged": True})
    attach(locate(WANT), PERIOD_MS).close()


@pytest.mark.usefixtures("twin")
async def test_opening_and_closing_leaves_no_descriptor_behind() -> None:
    attach(locate(WANT), PERIOD_MS).close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        attach(locate(WANT), PERIOD_MS).close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


async def test_playing_takes_as_long_as_it_sounds(twin: HeadsetTwin) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.to_thread(play, "headset", array("h", [0] * 8_000), 16_000)
    assert loop.time() - began > 0.4
    await twin.command({"plugged": False})
    with pytest.raises(HeadsetGone):
        await asyncio.to_thread(play, "headset", array("h", [0] * 320), 16_000)


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadsetGone, match="0b0e:2e00"):
        locate(HeadsetHardware(vendor_id="0b0e", product_id="2e00", sysfs_root=str(tmp_path)))
