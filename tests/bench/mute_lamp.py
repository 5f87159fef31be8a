"""`python -m tests.bench.mute_lamp [--presses 50]`, inside bench/machine/enter: from a finger on MUTE to the light.

The whole unit on a bench of its own, while the dispatcher speaks. Times run from when the contacts begin to move, as
the panel's twin says it, to when the lamp on its pins is seen lit or dark, asked over HTTP again and again, which adds
its own few milliseconds: pressed and proven; pressed where the switch lies, to the first flash of the fault pattern;
pressed again, to dark. Prints a table and writes results/mute_lamp.json.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from tests.bench.audio import percentiles
from tests.bench.conftest import Client, begun
from tests.bench.replug import mute_state, set_mute

RESULTS = Path("results/mute_lamp.json")
BOUND_S = 10.0


def seen(client: Client, lit: bool) -> float:
    """Seconds from the finger to the light (or to the dark) of one press of MUTE."""
    client.post("/twin/panel", {"button": "mute", "action": "press"})
    ends = time.monotonic() + BOUND_S
    while (panel := client.get("/twin/panel"))["lit"]["mute"] is not lit:
        assert time.monotonic() < ends, f"the lamp did not go {'on' if lit else 'off'} within {BOUND_S:g} s"
    took_s = time.time() - float(panel["moved_at"])
    client.post("/twin/panel", {"button": "mute", "action": "release"})
    return took_s


def pressed(client: Client, stuck: bool) -> tuple[float, float]:
    """One press and one more, seconds each: to the light, and to the dark."""
    client.post("/twin/headset", {"stuck_switch": stuck})
    lit_s = seen(client, lit=True)
    wanted = "fault" if stuck else "muted"
    client.until(f"the microphone is {wanted}", lambda: mute_state(client) == wanted)
    pattern = "double" if stuck else "on"
    client.until("the lamp says so", lambda: client.get("/twin/panel")["lamps"]["mute"] == pattern)
    client.post("/twin/headset", {"heal": True})
    client.until("the microphone is muted", lambda: mute_state(client) == "muted")
    client.until("the lamp is steady", lambda: client.get("/twin/panel")["lamps"]["mute"] == "on")
    dark_s = seen(client, lit=False)
    client.until("the microphone is live", lambda: mute_state(client) == "live")
    return lit_s, dark_s


def measure(client: Client, presses: int) -> dict[str, Any]:
    client.heal()
    client.post("/twin/headset", {"speaking": True, "level_dbfs": -20})
    set_mute(client, "live")
    proven, faults = [
        [pressed(client, stuck) for _ in range(count)] for stuck, count in ((False, presses), (True, presses // 3))
    ]
    return {
        "presses": presses,
        "press_to_steady_light": percentiles([lit_s for lit_s, _ in proven]),
        "press_to_fault_pattern": percentiles([lit_s for lit_s, _ in faults]),
        "press_to_dark": percentiles([dark_s for _, dark_s in proven]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mute_lamp")
    parser.add_argument("--presses", type=int, default=50)
    presses = parser.parse_args().presses
    with begun("m") as client:
        found = {"load_average": round(os.getloadavg()[0], 2), **measure(client, presses)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    for name in ("press_to_steady_light", "press_to_fault_pattern", "press_to_dark"):
        row = found[name]
        print(f"{name.replace('_', ' '):24} p50 {row['p50_ms']:6} ms   p99 {row['p99_ms']:6} ms")
    print(f"presses {presses}, load average {found['load_average']}")


if __name__ == "__main__":
    main()
