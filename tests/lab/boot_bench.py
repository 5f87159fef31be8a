"""What our services add to the boot: the image with them and without, in QEMU: `make bench-boot` (ARGS="--runs 2").

A guest's second is 5 * 10^8 of its instructions (image/machine.py), so the figures hold on a busy machine and are no
Pi's. Each run has two fresh cards, of which the second start is counted: the first one makes the data partition.
Prints a table with systemd's critical chain, writes results/boot.json.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

from image import build, machine
from image.build import Built
from image.tools import Tools
from image.units import units
from tests.lab import guest
from tests.lab.guest import SHELL, Guest

STARTED = r"Startup finished in (.*) = (?:(\d+)min )?([\d.]+)s"
Found = dict[str, float]
PARTS = {
    "Python": "python3 -c pass",
    "and what a service imports": "python3 -c 'import firmware.status'",
    "a service, ended and ready again": "systemctl restart hdu-status",
}
"""What one service costs, in the unit that is up; the last has sandbox, bus and the end of the one before in it."""


def bare() -> str:
    """The kernel's words by which none of ours starts."""
    names = (name.replace("@.", f"@{which}.") for name in units() for which in ("a", "b"))
    return " ".join(f"systemd.mask={name}" for name in dict.fromkeys(names))


def card(built: Built, work: Path, tools: Tools, also: str) -> Path:
    machine.fresh_card(built.card, work)
    machine.with_unit(work, tools, SHELL, also)
    guest.overlay(work, tools, "card.img")
    return work


def second_start(work: Path, tools: Tools, parts: bool) -> tuple[Found, str]:
    """Seconds to all services ready and MB used, and the critical chain; of the start after the first one."""
    cost: Found = {}
    for _ in range(2):
        with Guest(work, tools) as run:
            found = run.is_ready()
            said = run.console[found.start() :]
            cost = {name: seconds(run, command) for name, command in PARTS.items()} if parts else {}
            run.run("sync")
    total = re.search(STARTED, said)
    assert total, said
    took_s = 60 * float(total[2] or 0) + float(total[3])
    chain = said.partition("Startup finished")[2].partition("hdu: end of report")[0]
    return {"seconds": took_s, "used_mb": float(found[4]), **cost}, chain


def seconds(run: Guest, command: str) -> float:
    """Of the guest's."""
    began, ended = run.run(f"cut -d' ' -f1 /proc/uptime; {command}; cut -d' ' -f1 /proc/uptime").split()
    return float(ended) - float(began)


def table(runs: dict[str, list[Found]]) -> str:
    medians = {who: statistics.median(each["seconds"] for each in found) for who, found in runs.items()}
    lines = [f"{'':16}{'s to ready':>12}{'MB used':>10}"]
    for who, found in runs.items():
        lines.append(f"{who:16}{medians[who]:>12.1f}{statistics.median(each['used_mb'] for each in found):>10.0f}")
    added = 100 * (medians["the unit"] / medians["bare image"] - 1)
    unit = runs["the unit"]
    lines += [f"{name}: {statistics.median(each[name] for each in unit):.2f} s" for name in PARTS]
    return "\n".join([*lines, f"our services add {added:.0f} % to the boot (aim: 10)"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    tools, built = build.tools(print), build.build("0.1.0", None, print)
    runs: dict[str, list[Found]] = {"bare image": [], "the unit": []}
    for _ in range(given.runs):
        for who, also in {"bare image": bare(), "the unit": ""}.items():
            with tempfile.TemporaryDirectory() as work:
                found, chain = second_start(card(built, Path(work), tools, also), tools, parts=not also)
            runs[who].append(found)
            print(who, found, chain, sep="\n")
    print(table(runs))
    Path("results").mkdir(exist_ok=True)
    Path("results/boot.json").write_text(json.dumps(runs, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
