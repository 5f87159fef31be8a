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
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.audio_sequences import live_sequences, model_sequence
from tests.conftest import BUS_CONFIG
from tests.headset_scene import Ear, Scene, eventually, headset

RESULTS = Path("results/audio.json")
PULSE_THREAD = "threaded-ml"
TONE_S = 2.0  # the tone of the last change still holds descriptors
DEFAULTS = {"presses": 200, "sequences": 10_000, "live": 40, "replugs": 200, "seed": 911}


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
    faults = 0
    for _ in range(presses):
        await eventually(lambda: ear.silent_since() is None)
        await asyncio.sleep(source.uniform(0.0, 0.2))
        first, at = len(scene.facts), scene.press("muted")
        proven.append(await scene.lamp("muted") - at)
        faults += any(fact and fact.mute_state == "fault" for _, fact in scene.facts[first:])
        await eventually(lambda: ear.silent_since() is not None and len(ear.heard) > 0)
        silent.append((ear.silent_since() or at) - at)
        scene.press("live")
        await scene.lamp("live")
        del ear.heard[:-40]
    return {
        "presses": presses,
        "fault_before_proof": faults,
        "press_to_far_end_silence": percentiles(silent),
        "press_to_mute_proven": percentiles(proven),
    }


async def press_to_fault(scene: Scene, presses: int) -> dict[str, Any]:
    """A switch that says off and lets everything through: how soon the service says fault."""
    told: list[float] = []
    for _ in range(presses):
        await scene.twin.command({"stuck_switch": True})
        at = scene.press("muted")
        told.append(await scene.lamp("fault") - at)
        await scene.twin.command({"heal": True})
        scene.press("live")
        await scene.lamp("live")
    return {"presses": presses, "press_to_fault": percentiles(told)}


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
    """The service's CPU share of one core and its memory, live with nobody speaking.

    The thread of PulseAudio's client library is there on the bench alone: a unit has ALSA and no sound server.
    """
    assert scene.process
    await scene.twin.command({"speaking": False})
    before = [cpu_s(scene.process.pid, name) for name in ("", PULSE_THREAD)]
    await asyncio.sleep(seconds)
    used = [cpu_s(scene.process.pid, name) - then for name, then in zip(("", PULSE_THREAD), before, strict=True)]
    await scene.twin.command({"speaking": True})
    whole, client = (round(100 * each / seconds, 2) for each in used)
    return {
        "cpu_percent": whole,
        "of_it_sound_server_client": client,
        "pss_mb": round(held(scene.process.pid)[1], 1),
    }


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
        if number == min(10, count - 1):
            await asyncio.sleep(TONE_S)
            before = held(pid)
    await asyncio.sleep(TONE_S)
    after = held(scene.process.pid)
    grown = {"descriptors_grown": after[0] - before[0], "pss_grown_mb": round(after[1] - before[1], 1)}
    return {"replugs": count, "aborts": scene.restarts - restarts, **grown, "plug_to_mute_proven": percentiles(back)}


def held(pid: int) -> tuple[int, float]:
    """Open descriptors and proportional memory in MB of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss_kb = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), pss_kb / 1024


def cpu_s(pid: int, name: str = "") -> float:
    """Seconds of processor time of the threads of `pid` whose name begins so (proc(5), schedstat)."""
    threads = [each for each in Path(f"/proc/{pid}/task").iterdir() if (each / "comm").read_text().startswith(name)]
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
            report["fault"] = await press_to_fault(scene, max(2, options.presses // 4))
            report["replug"] = await replugs(scene, options.replugs)
            report["live"] = await live_sequences(scene, options.live, live)
    return report


def table(report: dict[str, Any]) -> str:
    lines = [f"{'':28}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"]
    rows = (
        ("mute", "press_to_far_end_silence"),
        ("mute", "press_to_mute_proven"),
        ("fault", "press_to_fault"),
        ("replug", "plug_to_mute_proven"),
    )
    for part, name in rows:
        row = report[part][name]
        lines.append(f"{name.replace('_', ' '):28}{row['p50_ms']:9}{row['p99_ms']:9}{row['max_ms']:9}")
    for part in ("mute", "fault", "model", "replug", "live", "idle"):
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
