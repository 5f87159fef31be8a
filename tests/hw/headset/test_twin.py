"""The twin behaves as a headset does: what is spoken is heard, its switch works or lies, it can be pulled out."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hw.headset import sound
from hw.headset.twin import HeadsetTwin, output_of

pytestmark = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[HeadsetTwin]:
    twin = HeadsetTwin(tmp_path / "headset")
    await twin.start()
    yield twin
    await twin.close()


async def until(twin: HeadsetTwin, holds: Callable[[float | None], bool], bound_s: float = 5.0) -> None:
    """Waits for a capture_rms."""

    def rms() -> float | None:
        found = twin.state()["capture_rms"]
        return found if isinstance(found, float) else None

    async with asyncio.timeout(bound_s):
        while not holds(rms()):  # noqa: ASYNC110 - the sound server is another process
            await asyncio.sleep(0.01)


def loud(rms: float | None) -> bool:
    return rms is not None and rms > 0.02


def zero(rms: float | None) -> bool:
    return rms == 0.0


async def test_a_room_is_quiet_but_not_silent_and_speech_is_louder(twin: HeadsetTwin) -> None:
    await until(twin, lambda rms: rms is not None and 0.0001 < rms < 0.002)
    await twin.command({"speaking": True, "level_dbfs": -20})
    await until(twin, loud)
    await twin.command({"speaking": False, "room": False})
    await until(twin, zero)


async def test_the_switch_silences_the_far_end_and_its_button_turns_it(twin: HeadsetTwin) -> None:
    await twin.command({"speaking": True})
    await until(twin, loud)
    await twin.command({"button": "mute"})
    await until(twin, zero)
    async with asyncio.timeout(5):
        while twin.state()["capture_switch"] is not False:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert twin.state()["own_button"] == 1
    await twin.command({"button": "mute"})
    await until(twin, loud)


async def test_a_stuck_switch_says_off_and_lets_sound_through_until_healed(twin: HeadsetTwin) -> None:
    await twin.command({"speaking": True, "stuck_switch": True})
    await until(twin, loud)
    await twin.server.pactl("set-source-mute", "switch", "1")
    assert "yes" in await twin.server.pactl("get-source-mute", "switch")
    began = asyncio.get_running_loop().time()
    await until(twin, lambda rms: zero(rms) or asyncio.get_running_loop().time() > began + 0.3)
    assert not zero(twin.state()["capture_rms"])  # type: ignore[arg-type]
    await twin.command({"heal": True})
    await until(twin, zero)


async def test_pulled_out_nothing_answers_and_plugged_in_it_is_open(twin: HeadsetTwin) -> None:
    await twin.server.pactl("set-source-mute", "switch", "1")
    await twin.command({"plugged": False})
    assert twin.state()["capture_rms"] is None
    assert not twin.server.socket.exists()
    await twin.command({"plugged": True, "speaking": True})
    await until(twin, loud)
    assert twin.state()["capture_switch"] is True


async def test_nothing_is_left_when_it_is_closed(tmp_path: Path) -> None:
    twin = HeadsetTwin(tmp_path / "headset")
    await twin.start()
    await twin.command({"speaking": True})
    await twin.close()
    lines = [each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [line for line in lines if str(tmp_path).encode() in line]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"loud": True}, "loud"),
        ({"speaking": "yes"}, "speaking"),
        ({"level_dbfs": True}, "level_dbfs"),
        ({"level_dbfs": 7}, "level_dbfs"),
        ({"button": "volume"}, "volume"),
    ],
)
async def test_bad_input_is_refused_and_nothing_changes(tmp_path: Path, body: dict[str, object], named: str) -> None:
    twin = HeadsetTwin(tmp_path / "headset")
    before = twin.state()
    with pytest.raises(ValueError, match=named):
        await twin.command({"speaking": True, **body})
    assert twin.state() == before


async def test_its_button_does_nothing_while_it_is_unplugged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unplugged"):
        await HeadsetTwin(tmp_path / "headset").command({"button": "mute"})


@pytest.mark.parametrize("level_dbfs", [-10.0, -20.0, -60.0])
def test_speech_is_at_its_level_and_never_quite_silent(level_dbfs: float) -> None:
    whole = sound.speech(level_dbfs)
    assert sound.rms(whole) == pytest.approx(10 ** (level_dbfs / 20) / 2**0.5, rel=0.1)
    chunk = 2 * sound.RATE_HZ // 200
    assert all(sound.rms(whole[start : start + chunk]) > 0 for start in range(0, len(whole), chunk))


def test_the_stream_of_pre_is_found_by_its_module() -> None:
    outputs = "Source Output #7\n\tOwner Module: 3\nSource Output #9\n\tOwner Module: 4\n"
    modules = "3\tmodule-remap-source\tsource_name=switch\n4\tmodule-remap-source\tsource_name=pre master=switch\n"
    assert output_of(outputs, modules) == "9"
