"""`make bench-audio`: how fast a mute is silence, how fast it is proven, and how often the lamp lied.

`python -m tests.bench.audio [--presses N] [--sequences N] [--live N] [--seed N]`, inside bench/machine/enter, prints a
table and writes results/audio.json. Press is the rename of DATA/mute, as the panel does it; the far end is a capture
client behind the gate, read in chunks of 5 ms, so that its times are late by up to that and by its own buffer.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.conftest import BUS_CONFIG
from tests.firmware.mute_model import Model
from tests.headset_scene import Ear, Scene, eventually, headset

RESULTS = Path("results/audio.json")
DEFAULTS = {"presses": 200, "sequences": 10_000, "live": 40, "replugs": 200, "seed": 911}
FAULTS = ("set_fails", "lies", "stale", "silent_stream")


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p99 and the largest, of seconds, in milliseconds."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {
        name: round(value * 1000, 1)
        for name, value in (("p50_ms", cuts[49]), ("p99_ms", cuts[98]), ("max_ms", max(values)))
    }


async def press_to_proof(scene: Scene, ear: Ear, presses: int, source: random.Random) -> dict[str, Any]:
    """Each press falls at a random moment of a speech that is never quite silent."""
    silent: list[float] = []
    proven: list[float] = []
    for _ in range(presses):
        await eventually(lambda: ear.silent_since() is None)
        await asyncio.sleep(source.uniform(0.0, 0.2))
        at = scene.press("muted")
        proven.append(await scene.lamp("muted") - at)
        await eventually(lambda: ear.silent_since() is not None and len(ear.heard) > 0)
        silent.append((ear.silent_since() or at) - at)
        scene.press("live")
        await scene.lamp("live")
        del ear.heard[:-40]
    return {
        "presses": presses,
        "press_to_far_end_silence": percentiles(silent),
        "press_to_mute_proven": percentiles(proven),
    }


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


@contextlib.contextmanager
def system_bus(folder: Path) -> Iterator[None]:
    """A private bus, in DBUS_SYSTEM_BUS_ADDRESS."""
    (folder / "bus.conf").write_text(BUS_CONFIG.format(socket=folder / "bus"))
    words = ["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = daemon.stdout.readline().strip().split(",guid=")[0]
        yield
        daemon.terminate()


async def idle(scene: Scene, seconds: float) -> dict[str, float]:
    """The service's CPU share of one core and its memory, live with nobody speaking."""
    assert scene.process
    await scene.twin.command({"speaking": False})
    before = cpu_s(scene.process.pid)
    await asyncio.sleep(seconds)
    used = cpu_s(scene.process.pid) - before
    await scene.twin.command({"speaking": True})
    return {"cpu_percent": round(100 * used / seconds, 2), "pss_mb": round(held(scene.process.pid)[1], 1)}


async def replugs(scene: Scene, count: int) -> dict[str, Any]:
    """Pulled out and plugged in while muted: how soon it is proven again, and what the service keeps of each time."""
    assert scene.process
    pid, restarts, back = scene.process.pid, scene.restarts, list[float]()
    scene.press("muted")
    await scene.lamp("muted")
    before = (0, 0.0)
    for number in range(count):
        await scene.twin.command({"plugged": False})
        await scene.until(lambda fact: fact.present is False)
        at = time.monotonic()
        await scene.twin.command({"plugged": True})
        back.append(await scene.lamp("muted") - at)
        before = held(pid) if number == min(10, count - 1) else before
    after = held(scene.process.pid)
    grown = {"descriptors_grown": after[0] - before[0], "pss_grown_mb": round(after[1] - before[1], 1)}
    return {"replugs": count, "aborts": scene.restarts - restarts, **grown, "plug_to_mute_proven": percentiles(back)}


def held(pid: int) -> tuple[int, float]:
    """Open descriptors and proportional memory in MB of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss_kb = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), pss_kb / 1024


def cpu_s(pid: int) -> float:
    """Seconds of processor time of all threads of `pid` (proc(5), schedstat)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    source, live = random.Random(options.seed), random.Random(options.seed)
    report: dict[str, Any] = {"seed": options.seed, "load_average": round(os.getloadavg()[0], 2)}
    lies = sum(model_sequence(source) for _ in range(options.sequences))
    report["model"] = {"sequences": options.sequences, "false_steady_or_dark": lies}
    with tempfile.TemporaryDirectory() as folder, system_bus(Path(folder)):
        async with headset(Path(folder) / "unit") as scene:
            report["idle"] = await idle(scene, options.idle_s)
            ear = Ear(scene.twin)
            listener = asyncio.create_task(ear.listen())
            report["mute"] = await press_to_proof(scene, ear, options.presses, source)
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            report["replug"] = await replugs(scene, options.replugs)
            report["live"] = await live_sequences(scene, options.live, live)
    return report


def table(report: dict[str, Any]) -> str:
    lines = [f"{'':28}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"]
    rows = (("mute", "press_to_far_end_silence"), ("mute", "press_to_mute_proven"), ("replug", "plug_to_mute_proven"))
    for part, name in rows:
        row = report[part][name]
        lines.append(f"{name.replace('_', ' '):28}{row['p50_ms']:9}{row['p99_ms']:9}{row['max_ms']:9}")
    for part in ("mute", "model", "replug", "live", "idle"):
        plain = {key: value for key, value in report[part].items() if not isinstance(value, dict)}
        lines.append(f"{part:8}" + "  ".join(f"{key.replace('_', ' ')} {value}" for key, value in plain.items()))
    return "\n".join([*lines, f"seed {report['seed']}, load average {report['load_average']}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--idle-s", type=float, default=20.0)
    report = asyncio.run(measure(parser.parse_args()))
    print(table(report))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
