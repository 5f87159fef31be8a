"""`python -m tests.bench.replug [--cycles 200]`, inside bench/machine/enter: out of a call and in again, many times.

One call over a bench of its own (`--url` and `--folder`: over one that runs). Each cycle pulls the headset out, plugs
it in again, live and muted by turns, and waits until it is back in use with the mute state it had: heard at the agency,
or proven silent. Prints a table and writes results/replug.json: how long that took, which processes ended, and what
descriptors and memory the headset service, the calls service and the softphone hold at the end over what they held
after the first cycles.
"""

import argparse
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from tests.bench.audio import held, percentiles
from tests.bench.call import bench
from tests.bench.conftest import Client

RESULTS = Path("results/replug.json")
WARM = 10  # cycles until every library is loaded and every buffer has its size
PRESSES, AGAIN_S = 4, 4.0
SETTLE_S = 2.0  # the tone of the last change still holds descriptors


def begin(client: Client) -> None:
    """The dispatcher speaks, live, in a call."""
    client.heal()
    client.post("/twin/headset", {"speaking": True, "level_dbfs": -20})
    set_mute(client, "live")
    client.until("the extension is registered", lambda: call(client)["registered"])
    client.post("/twin/call", {"action": "ring"})
    client.until("the call rings", lambda: call(client)["state"] == "ringing")
    client.post("/unit/call", {"action": "answer"})
    client.until("the call is active", lambda: call(client)["state"] == "active")
    client.until("the agency hears", lambda: heard(client))


def call(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/unit.json")["call"]
    return found


def heard(client: Client) -> bool:
    return (client.get("/twin/call")["heard_rms"] or 0.0) > 0.01


def mute_state(client: Client) -> str | None:
    found: str | None = client.get("/unit.json")["headset"]["mute_state"]
    return found


def set_mute(client: Client, wanted: str) -> None:
    """Pressed as a person does: again where nothing came of it, which a busy machine does to a tap of 50 ms."""
    for _ in range(PRESSES):
        if mute_state(client) == wanted:
            return
        client.tap("mute")
        with contextlib.suppress(AssertionError):
            client.until(f"the microphone is {wanted}", lambda: mute_state(client) == wanted, AGAIN_S)
    client.until(f"the microphone is {wanted}", lambda: mute_state(client) == wanted)


def cycle(client: Client, wanted: str) -> float:
    """Out and in; seconds until it is in use again as it was."""
    set_mute(client, wanted)
    client.post("/twin/headset", {"plugged": False})
    client.until("the headset has gone", lambda: client.get("/unit.json")["headset"]["present"] is False)
    client.post("/twin/headset", {"plugged": True})
    at = time.monotonic()
    client.until(f"it is {wanted} again", lambda: mute_state(client) == wanted)
    if wanted == "live":
        client.until("the agency hears again", lambda: heard(client))
    return time.monotonic() - at


def starts(client: Client) -> dict[str, int]:
    return {name: each["starts"] for name, each in client.get("/processes.json").items()}


def holding(client: Client) -> dict[str, tuple[int, float]]:
    """Descriptors and MB of each part that has to do with sound."""
    running = client.get("/processes.json")
    pids = {name: running[name]["pid"] for name in ("headset", "calls")}
    pids["softphone"] = child(pids["calls"], "baresip")
    return {name: held(pid) for name, pid in pids.items()}


def child(pid: int, name: str) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(int(each) for each in children if name in Path(f"/proc/{each}/comm").read_text())


def run(client: Client, cycles: int) -> dict[str, Any]:
    begin(client)
    before, first, back = starts(client), dict[str, tuple[int, float]](), list[float]()
    for number in range(cycles):
        back.append(cycle(client, "muted" if number % 2 else "live"))
        if number == min(WARM, cycles) - 1:
            time.sleep(SETTLE_S)
            first = holding(client)
    time.sleep(SETTLE_S)
    last, found = holding(client), call(client)
    ended = {name: count - before[name] for name, count in starts(client).items() if count != before[name]}
    client.post("/unit/call", {"action": "hang-up"})
    set_mute(client, "live")
    return {
        "cycles": cycles,
        "back_in_use": percentiles(back) if cycles > 1 else {"max_ms": round(back[0] * 1000, 1)},
        "ended": ended,
        "call": {key: found[key] for key in ("state", "lost_calls", "lost_frames")},
        "held": {
            name: {
                "descriptors": last[name][0],
                "descriptors_grown": last[name][0] - first[name][0],
                "pss_mb": round(last[name][1], 1),
                "pss_grown_mb": round(last[name][1] - first[name][1], 2),
            }
            for name in last
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replug")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--url", default="", help="of a bench that runs, such as http://127.0.0.1:8911")
    parser.add_argument("--folder", default=".run/8911", help="of that bench")
    options = parser.parse_args()
    with bench(options) as client:
        found = {"load_average": round(os.getloadavg()[0], 2), **run(client, options.cycles)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{found['cycles']} times out and in, in a call: back in use after", found["back_in_use"])
    print("processes that ended:", found["ended"] or "none", " the call:", found["call"])
    for name, row in found["held"].items():
        print(f"{name:10}" + "  ".join(f"{key.replace('_', ' ')} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
