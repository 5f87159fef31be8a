"""The headset service on a real sound server: what the far end hears, and what the lamp may say."""

import asyncio
import contextlib
import json
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware import bus
from tests.headset_scene import Ear, Scene, eventually, headset

SETTLED_S = 1.0  # longer than any late word of a mixer is waited for
needs_server = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")


@pytest.fixture
async def scene(tmp_path: Path, private_bus: str) -> AsyncIterator[Scene]:
    async with headset(tmp_path / "unit") as scene:
        yield scene


@contextlib.asynccontextmanager
async def listening(ear: Ear) -> AsyncIterator[Ear]:
    task = asyncio.create_task(ear.listen())
    await eventually(lambda: bool(ear.heard))
    yield ear
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def silent(scene: Scene) -> bool:
    return scene.twin.state()["capture_rms"] == 0.0


def heard(scene: Scene) -> bool:
    return bool(scene.twin.state()["capture_rms"])


@needs_server
async def test_mute_is_proven_and_the_far_end_hears_nothing(scene: Scene) -> None:
    async with listening(Ear(scene.twin)) as ear:
        await eventually(lambda: ear.silent_since() is None)
        scene.press("muted")
        proven_at = await scene.lamp("muted")
        await eventually(lambda: ear.heard[-1][0] > proven_at + 0.2)
        assert not ear.sound_after(proven_at, ear.heard[-1][0])
        assert scene.fact
        assert (scene.fact.muted, scene.fact.mute_proven, scene.fact.capture_cut) == (True, True, True)
        scene.press("live")
        await scene.lamp("live")
        await eventually(lambda: ear.silent_since() is None)


@needs_server
async def test_a_switch_that_lies_is_a_fault_and_the_far_end_hears_nothing(scene: Scene) -> None:
    await scene.twin.command({"stuck_switch": True})
    scene.press("muted")
    await scene.lamp("fault")
    await eventually(lambda: silent(scene))
    assert scene.fact
    assert (scene.fact.muted, scene.fact.mute_proven, scene.fact.capture_cut) == (True, False, True)
    await scene.twin.command({"heal": True})
    await scene.lamp("muted")


@needs_server
async def test_a_switch_that_lies_to_a_silent_room_is_found_at_the_first_word(scene: Scene) -> None:
    await scene.twin.command({"stuck_switch": True, "speaking": False, "room": False})
    await eventually(lambda: silent(scene))
    scene.press("muted")
    await scene.lamp("muted")
    async with listening(Ear(scene.twin)) as ear:
        await scene.twin.command({"speaking": True, "level_dbfs": -20})
        await scene.lamp("fault")
        assert not any(level for _, level in ear.heard)


@needs_server
async def test_a_killed_service_leaves_the_microphone_muted_and_comes_back_so(scene: Scene) -> None:
    scene.press("muted")
    await scene.lamp("muted")
    await eventually(lambda: silent(scene))
    async with listening(Ear(scene.twin)) as ear:
        scene.kill()
        await eventually(lambda: scene.fact is None)
        scene.start()
        await scene.lamp("muted", 15)
        assert not any(level for _, level in ear.heard)


@needs_server
async def test_a_replug_comes_back_muted_within_two_seconds(scene: Scene) -> None:
    scene.press("muted")
    await scene.lamp("muted")
    await scene.twin.command({"plugged": False})
    await scene.until(lambda fact: fact.present is False and fact.mute_state == "fault")
    await scene.twin.command({"plugged": True})
    await scene.lamp("muted", 2.0)
    await eventually(lambda: silent(scene))
    assert scene.process
    assert scene.process.poll() is None


@needs_server
async def test_the_own_button_and_the_panel_agree(scene: Scene) -> None:
    """Again and again, as fast as it is seen: now the mixer's word comes first, now the sound."""
    for _ in range(5):
        await scene.twin.command({"button": "mute"})
        await scene.lamp("muted")
        await eventually(lambda: scene.command == "muted")
        await eventually(lambda: silent(scene))
        await scene.twin.command({"button": "mute"})
        await scene.lamp("live")
        await eventually(lambda: scene.command == "live" and heard(scene))


@needs_server
@pytest.mark.parametrize("before", ["muted", "live"])
async def test_mute_pressed_after_the_own_button_wins_however_late_the_button_is_seen(
    scene: Scene, before: str
) -> None:
    """The service stands still over both presses, as on a starved machine, and finds both at once."""
    scene.press(before)
    await scene.lamp(before)
    assert scene.process
    await eventually(lambda: scene.twin.state()["capture_switch"] is (before == "live"))
    scene.process.send_signal(signal.SIGSTOP)
    await scene.twin.command({"button": "mute"})
    await eventually(lambda: scene.twin.state()["capture_switch"] is (before == "muted"))
    at = scene.press("muted")
    scene.process.send_signal(signal.SIGCONT)
    await scene.until(lambda fact: fact.mute_state == "muted" and scene.facts[-1][0] > at)
    async with listening(Ear(scene.twin)) as ear:
        await eventually(lambda: ear.heard[-1][0] - ear.heard[0][0] > SETTLED_S)
        assert not any(level for _, level in ear.heard)
    assert (scene.command, scene.fact and scene.fact.mute_state) == ("muted", "muted")


@needs_server
async def test_a_button_that_only_says_so_and_the_panel_agree_and_the_headsets_own_lamp_too(
    tmp_path: Path, private_bus: str
) -> None:
    async with headset(tmp_path / "unit", hid=True) as scene:
        await eventually(lambda: scene.twin.state()["own_lamp"] is False)
        await scene.twin.command({"button": "mute"})
        await scene.lamp("muted")
        await eventually(lambda: scene.command == "muted" and scene.twin.state()["own_lamp"] is True)
        await eventually(lambda: silent(scene))
        scene.press("live")
        await scene.lamp("live")
        await eventually(lambda: scene.twin.state()["own_lamp"] is False and heard(scene))
        await scene.twin.command({"plugged": False})
        await scene.until(lambda fact: fact.present is False)
        await scene.twin.command({"plugged": True})
        await scene.lamp("live")
        await scene.twin.command({"button": "mute", "stuck_switch": True})
        await scene.lamp("fault")
        assert scene.twin.state()["own_lamp"] is False


@needs_server
async def test_level_and_noise_floor_are_what_is_spoken(scene: Scene) -> None:
    await scene.until(lambda fact: fact.level_dbfs is not None and -30 <= fact.level_dbfs <= -12)
    await scene.twin.command({"speaking": False})
    await scene.until(lambda fact: fact.noise_floor_dbfs is not None and -65 <= fact.noise_floor_dbfs <= -59)


@needs_server
async def test_a_voice_that_is_too_loud_clips_and_a_microphone_that_gives_nothing_is_dead(
    tmp_path: Path, private_bus: str
) -> None:
    async with headset(tmp_path / "unit", site="[headset]\ndead_microphone_s = 1.0\n") as scene:
        await scene.until(lambda fact: fact.clipping is False and fact.microphone_dead is False)
        await scene.twin.command({"level_dbfs": 0})
        await scene.until(lambda fact: fact.clipping is True)
        await scene.twin.command({"speaking": False, "room": False})
        await scene.until(lambda fact: fact.clipping is False and fact.microphone_dead is True, 10)
        await scene.twin.command({"room": True})
        await scene.until(lambda fact: fact.microphone_dead is False)


@needs_server
async def test_a_mute_outlasts_a_reboot(scene: Scene) -> None:
    """Service and headset begin anew, the headset with everything open: nothing is heard once the lamp is lit."""
    scene.press("muted")
    await scene.lamp("muted")
    scene.kill()
    await eventually(lambda: scene.fact is None)
    await scene.twin.command({"plugged": False})
    await scene.twin.command({"plugged": True})
    await eventually(lambda: heard(scene))
    scene.start()
    proven_at = await scene.lamp("muted", 15)
    async with listening(Ear(scene.twin)) as ear:
        await eventually(lambda: ear.heard[-1][0] > proven_at + 0.5)
        assert not any(level for _, level in ear.heard)


@needs_server
async def test_a_tone_is_heard_in_the_ear(scene: Scene) -> None:
    async with listening(Ear(scene.twin, "ear.monitor")) as ear:
        await bus.call(bus.connect(), "Headset", "PlayTone", "s", "panic-taken")
        await eventually(lambda: any(level > 0.003 for _, level in ear.heard))
        ear.heard.clear()
        scene.press("muted")
        await scene.lamp("muted")
        await eventually(lambda: any(level > 0.003 for _, level in ear.heard))
    with pytest.raises(bus.BusError):
        await bus.call(bus.connect(), "Headset", "PlayTone", "s", "no such tone")


async def self_test() -> tuple[bool, str]:
    """The verdict, and its findings in one line."""
    answer = json.loads(await bus.call(bus.connect(), "Headset", "SelfTest"))
    return answer["fit"], "; ".join(answer["findings"])


@needs_server
async def test_the_self_test_hears_its_own_sweep_and_says_what_is_wrong(scene: Scene) -> None:
    await scene.twin.command({"speaking": False})
    await scene.until(lambda fact: fact.noise_floor_dbfs is not None and fact.noise_floor_dbfs < -59)
    fit, words = await self_test()
    assert (fit, "nothing was heard back" in words) == (False, True)
    await scene.twin.command({"loop": True})
    fit, words = await self_test()
    assert (fit, "came back" in words, "unknown" in words) == (True, True, False), words
    scene.press("muted")
    await scene.lamp("muted")
    assert await self_test() == (False, "the microphone is muted: press MUTE, and try again")
