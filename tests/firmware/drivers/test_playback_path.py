"""The limiters in the playback path, on a real sound server: what comes out of a full-scale burst."""

import asyncio
import os
import shutil
import subprocess
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.config import Config, Folders, HeadsetHardware, UnitFile
from firmware.drivers import playback_path
from firmware.drivers.headset_alsa import locate
from firmware.drivers.headset_usb import NAME, Devices
from firmware.drivers.playback import play
from hw.headset.twin import HeadsetTwin
from tests.bench.limiter import burst, peaks
from tests.headset_scene import eventually

needs_server = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")
WANT = HeadsetHardware(alsa_device="headset")


@pytest.fixture
async def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HeadsetTwin]:
    twin = HeadsetTwin(tmp_path / "headset")
    for name, value in twin.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HDU_ALSA_BASE", raising=False)
    await twin.start()
    await eventually(lambda: twin.state()["capture_rms"] is not None)
    yield twin
    await twin.close()
    os.environ.pop("HDU_ALSA_BASE", None)


def use(folder: Path, limit_dbfs: float | None) -> None:
    unit = UnitFile(headset=WANT, folders=Folders(run=str(folder)))
    playback_path.use(Config(unit=unit), "test", locate(WANT), limit_dbfs)


@needs_server
@pytest.mark.parametrize("limit_dbfs", [-6.0, -20.0, -30.0])
async def test_no_peak_passes_the_limit_and_what_is_quiet_stays_as_it_is(
    twin: HeadsetTwin, tmp_path: Path, limit_dbfs: float
) -> None:
    use(tmp_path, limit_dbfs)
    loud, quiet = await peaks(twin, NAME, burst(0.0), burst(limit_dbfs - 10))
    assert limit_dbfs - 2.0 < loud <= limit_dbfs + 0.1
    assert quiet == pytest.approx(limit_dbfs - 10, abs=1.5)


@needs_server
async def test_without_a_known_headset_nothing_is_limited(twin: HeadsetTwin, tmp_path: Path) -> None:
    use(tmp_path, None)
    (loud,) = await peaks(twin, NAME, burst(0.0))
    assert loud > -0.5


@needs_server
async def test_where_the_limiters_are_not_installed_there_is_a_way_to_the_ear_all_the_same(
    twin: HeadsetTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert playback_path.missing() == ""
    monkeypatch.setattr(playback_path, "LADSPA", str(tmp_path / "none"))
    assert playback_path.missing() == "fast_lookahead_limiter_1913.so"
    use(tmp_path, -20.0)
    (loud,) = await peaks(twin, NAME, burst(0.0))
    assert loud > -0.5


@needs_server
async def test_a_change_counts_from_the_next_sound_on(twin: HeadsetTwin, tmp_path: Path) -> None:
    use(tmp_path, -6.0)
    await asyncio.to_thread(play, NAME, array("h", [0] * 320), 16_000)
    use(tmp_path, -12.0)
    (loud,) = await peaks(twin, NAME, burst(0.0))
    assert loud <= -11.9


def test_a_card_is_mixed_by_us_with_the_buffer_asked_for_and_the_limits_are_what_the_plugins_can_do() -> None:
    found = Devices(ear="hdu_mix", mouth="plug:'dsnoop:CARD=4'", monitor="", mixer="hw:4", gate="", name="x", card=4)
    text = playback_path.configuration("/base.conf", found, -70.0, 30)
    assert text.startswith("</base.conf>\n")
    for said in ('pcm "hw:4"', "buffer_time 30000", "[ 0 -20.0 0.05 ]", "[ -50.0 1 0 ]", 'slave.pcm "plug:hdu_mix"'):
        assert said in text
    assert "capture.pcm \"plug:'dsnoop:CARD=4'\"" in text


@needs_server
def test_alsa_takes_what_was_written_for_a_card(tmp_path: Path) -> None:
    """There is no card here: what fails is the card, not the configuration."""
    found = Devices(ear="hdu_mix", mouth="null", monitor="", mixer="hw:4", gate="", name="x", card=4)
    (tmp_path / "asound.conf").write_text(playback_path.configuration(playback_path.BASE, found, -6.0, 30))
    words = ["aplay", "-q", "-D", NAME, "-t", "raw", "-f", "S16_LE", "/dev/zero"]
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    said = subprocess.run(words, env=environment, capture_output=True, text=True).stderr
    assert "Cannot get card index for 4" in said
    assert "No such file or directory" in said
