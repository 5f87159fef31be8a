"""The voice plane on Debian's own kernel, in QEMU: `make bench-voice-kernel` (ARGS="--runs 5 --faults blackhole").

Prints a table, writes results/voice_kernel.json; status 1 where a packet was lost to a fault, came twice, or left in
clear. Gaps are shown and mean little: the whole machine is emulated.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.kernel_voice import FAULTS
from tests.lab.this_machine import ThisMachine, in_checkout

Found = dict[str, Any]
START_S, RUN_S = 400.0, 60.0


def measured(runs: int, faults: list[str], work: Path) -> list[Found]:
    """What the guest told, in order; BuildError with its last words where it did not come to its end."""
    command = in_checkout(".venv/bin/python", "-m", "tests.lab.kernel_voice", "--runs", str(runs), "--faults", *faults)
    with ThisMachine(work, command) as guest:
        ended = guest.until(r"guest: ended with (\d+)", START_S + RUN_S * runs * len(faults))
    lines = guest.console.replace("\r", "").splitlines()
    found = [json.loads(line.partition("voice: ")[2]) for line in lines if "voice: {" in line]
    if ended[1] != "0":
        raise SystemExit("\n".join(lines[-60:]))
    return found


def whole(found: Found) -> bool:
    """Nothing lost, nothing twice, nothing in clear, and the mirror still there."""
    ways = [found[way] for way in ("up", "down")]
    return found["mirrored"] and not found["leaked"] and not any(way["lost"] + way["duplicated"] for way in ways)


def line(found: Found) -> str:
    """One run of one fault."""
    ways = [found[way] for way in ("up", "down")]
    sums = [sum(way[name] for way in ways) for name in ("sent", "lost", "duplicated")]
    gap = max(way["longest_gap_ms"] for way in ways)
    return f"{found['fault']:24}" + "".join(f"{n:9g}" for n in (*sums, gap, found["copies"], found["leaked"]))


HEAD = f"{'':24}" + "".join(f"{title:>9}" for title in ("sent", "lost", "twice", "gap ms", "copies", "leaked"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = measured(given.runs, given.faults, Path(work))
    rows = [each for each in found if "up" in each]
    print(f"kernel {found[0]['kernel']}, NetworkManager {found[0]['manager']}", HEAD, *map(line, rows), sep="\n")
    print(*(json.dumps(each) for each in found[1:] if "up" not in each), sep="\n")
    Path("results").mkdir(exist_ok=True)
    Path("results/voice_kernel.json").write_text(json.dumps(found, indent=1) + "\n")
    return int(not all(map(whole, rows)))


if __name__ == "__main__":
    sys.exit(main())
