"""Random sequences for `make bench-audio`: on the model of a headset, and on the real service and sound server."""

import asyncio
import random
import sys
import time
from itertools import pairwise
from typing import Any

from tests.firmware.audio.mute.model import Model
from tests.headset_scene import Ear, Scene

FAULTS = ("set_fails", "lies", "stale", "silent_stream")


def model_sequence(source: random.Random, steps: int = 30) -> int:
    """One random sequence on the model of a headset; how often the lamp was lit steady while sound passed the gate."""
    model = Model()
    try:
        for _ in range(steps):
            _model_step(model, source)
            model.check()
    except AssertionError:
        return 1
    return 0


def _model_step(model: Model, source: random.Random) -> None:
    match source.randrange(6):
        case 0 | 1:
            model.command(source.random() < 0.6)
        case 2:
            setattr(model, source.choice(FAULTS), source.random() < 0.5)
        case 3:
            model.plug(not model.attached) if source.random() < 0.5 else model.button()
        case 4:
            model.speaking = source.random() < 0.8
        case _:
            model.crash()
            model.start()
    model.run(source.choice([0.0, 0.01, 0.04, 0.16, 0.4]))


async def live_sequence(scene: Scene, source: random.Random, seen: list[tuple[float, str]]) -> None:
    """A few random deeds on the real service and sound server."""
    for _ in range(5):
        deed = source.choice(["muted", "live", "button", "replug", "stuck", "heal", "kill", "speak"])
        seen.append((time.monotonic(), deed))
        await _deed(scene, deed, source)
        await asyncio.sleep(source.choice([0.02, 0.1, 0.3]))


async def _deed(scene: Scene, deed: str, source: random.Random) -> None:
    match deed:
        case "muted" | "live":
            scene.press(deed)
        case "button":
            await scene.twin.command({"button": "mute"})
        case "replug":
            await scene.twin.command({"plugged": False})
            await asyncio.sleep(source.choice([0.05, 0.5]))
            await scene.twin.command({"plugged": True})
        case "stuck":
            await scene.twin.command({"stuck_switch": True})
        case "heal":
            await scene.twin.command({"heal": True})
        case "speak":
            await scene.twin.command({"speaking": source.random() < 0.8})
        case "kill":
            scene.kill()
            scene.start()


async def live_sequences(scene: Scene, count: int, source: random.Random) -> dict[str, Any]:
    """Counts the sequences in which the far end heard anything while the lamp was lit steady; then all must mend."""
    lies, dark, deeds = 0, 0, list[tuple[float, str]]()
    for _ in range(count):
        ear, facts_before = Ear(scene.twin), len(scene.facts)
        listener = asyncio.create_task(relisten(ear))
        await live_sequence(scene, source, deeds)
        await scene.twin.command({"heal": True, "speaking": True})
        scene.press("muted")
        try:
            await scene.lamp("muted", 10)
        except TimeoutError as error:
            dark += 1
            print(f"not proven: {[deed for _, deed in deeds[-5:]]} {error}", file=sys.stderr)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        lies += lit_with_sound(scene, ear, facts_before)
    return {
        "sequences": count,
        "deeds": len(deeds),
        "restarts_beside_kills": scene.restarts,
        "lit_while_sound_passes": lies,
        "muted_and_not_proven_in_10_s": dark,
    }


async def relisten(ear: Ear) -> None:
    """Listens again whenever the headset was pulled out."""
    while True:
        await ear.listen()
        await asyncio.sleep(0.05)


def lit_with_sound(scene: Scene, ear: Ear, first: int) -> bool:
    """Whether the far end heard anything between the word that the lamp is steady and the next word."""
    facts = scene.facts[first:]
    spans = [(at, until) for (at, fact), (until, _) in pairwise(facts) if fact and fact.mute_state == "muted"]
    return any(ear.sound_after(at, until) for at, until in spans)
