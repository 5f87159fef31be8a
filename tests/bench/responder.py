"""How many probes a second one responder process answers: `make bench-responder` (ARGS="--seconds 5").

On the loopback interface, with authenticated probes of many units, prepared beforehand so that the asking costs little;
as many are on their way as fit the responder's buffer comfortably. A unit whose LTE stands by asks 0.1 times a second
over LTE and 20 times over its active wired uplink: that is what a process can carry is reckoned from. Prints, writes
results/responder.json.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct, to_builtins

from firmware.config import FailoverPolicy
from firmware.failover import probing
from firmware.failover.probing import Probe

SITE_KEY = bytes(range(32))
UNITS, IN_FLIGHT, SILENCE_S = 1_000, 64, 1.0


class Throughput(Struct, frozen=True):
    """`us_per_probe` is the responder's own time on a core (schedstat), which does not depend on who else is busy."""

    seconds: float
    answered: int
    lost: int
    per_s: float
    us_per_probe: float
    units_per_core: int
    load: float


def probes(count: int) -> list[bytes]:
    """One of each unit, all of now."""
    made = []
    for number in range(count):
        unit = probing.identity(f"hdu-{number:04}")
        now_us = time.time_ns() // 1000
        made.append(probing.ask(Probe(unit, number, now_us, os.urandom(4)), probing.unit_key(SITE_KEY, unit)))
    return made


def core_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(at: tuple[str, int], pid: int, seconds: float) -> Throughput:
    asked = probes(UNITS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.settimeout(SILENCE_S)
        here.connect(at)
        sent = answered = 0
        began, used = time.monotonic(), core_s(pid)
        for _ in range(IN_FLIGHT):
            here.send(asked[sent % UNITS])
            sent += 1
        while time.monotonic() - began < seconds:
            here.recv(64)
            answered += 1
            here.send(asked[sent % UNITS])
            sent += 1
        took, used = time.monotonic() - began, core_s(pid) - used
        answered += rest(here, sent - answered)
    us = used / answered * 1e6
    return Throughput(
        round(took, 2),
        answered,
        sent - answered,
        round(answered / took),
        round(us, 1),
        int(1e6 / us / per_unit_s()),
        round(os.getloadavg()[0], 2),
    )


def per_unit_s() -> float:
    """Probes a second of one unit with one wired uplink and LTE, idle."""
    policy = FailoverPolicy()
    return 1000 / policy.wired_ms + 1000 / policy.lte_ms


def rest(here: socket.socket, count: int) -> int:
    """How many of those still on their way come."""
    for number in range(count):
        try:
            here.recv(64)
        except TimeoutError:
            return number
    return count


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench-responder")
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "site.key"
        key.write_text(SITE_KEY.hex())
        argv = [sys.executable, "-m", "hub.responder", "--key", str(key), "--bind", "127.0.0.1", "--port", "0"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            found = measure(("127.0.0.1", port), process.pid, given.seconds)
            process.terminate()
    print(
        f"one responder process answered {found.per_s:,.0f} probes/s for {found.seconds} s, {found.lost} lost,"
        f" load {found.load}\n{found.us_per_probe} us of a core each: about {found.units_per_core:,} idle units a core"
        f" at {per_unit_s():.1f} probes/s each"
    )
    Path("results").mkdir(exist_ok=True)
    Path("results/responder.json").write_text(json.dumps(to_builtins(found), indent=1) + "\n")
    return int(found.lost > 0)


if __name__ == "__main__":
    sys.exit(main())
