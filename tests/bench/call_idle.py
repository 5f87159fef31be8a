"""`python -m tests.bench.call_idle`, inside bench/machine/enter: what the calls service and its softphone cost.

CPU share of one core and proportional memory (PSS) of both, registered and waiting, then in an Opus call; how long a
killed softphone goes unseen. Prints a table and writes results/call_idle.json.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.audio import cpu_s, system_bus
from tests.firmware.call_scene import Scene, scene

RESULTS = Path("results/call_idle.json")


def pss_mb(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return round(next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024, 1)


async def cost(here: Scene, seconds: float) -> dict[str, Any]:
    pids = {"service": here.service.pid, "softphone": here.softphone()}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    return {
        name: {"cpu_percent": round(100 * (cpu_s(pid) - before[name]) / seconds, 2), "pss_mb": pss_mb(pid)}
        for name, pid in pids.items()
    }


async def death(here: Scene) -> float:
    """Milliseconds from the kill in a call to the word that it is lost."""
    lost = here.call.lost_calls if here.call else 0
    at = time.monotonic()
    os.kill(here.softphone(), signal.SIGKILL)
    await here.until(lambda call: call.lost_calls > lost)
    seen_ms = (time.monotonic() - at) * 1000
    await here.until(lambda call: bool(call.registered))
    await here.agency.command({"action": "hang-up"})
    await here.agency.ended()
    return round(seen_ms, 1)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, system_bus(Path(folder)):
        async with scene(Path(folder)) as here:
            await here.until(lambda call: bool(call.registered))
            found: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 2)}
            found["waiting"] = await cost(here, options.seconds)
            seen = []
            for number in range(options.deaths):
                await here.talk()
                if number == 0:
                    found["in_call"] = await cost(here, options.seconds)
                seen.append(await death(here))
            return {**found, "death_seen_ms": {"max": max(seen), "times": seen}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.call_idle")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--deaths", type=int, default=10)
    found = asyncio.run(measure(parser.parse_args()))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    for state in ("waiting", "in_call"):
        for name, values in found[state].items():
            print(f"{state:8} {name:10} CPU {values['cpu_percent']:6} % of one core   PSS {values['pss_mb']} MB")
    print(f"killed softphone seen within {found['death_seen_ms']['max']} ms (load {found['load_average']})")


if __name__ == "__main__":
    main()
