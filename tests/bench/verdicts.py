"""How soon the verdict tells of each single fault, and how soon of its end: a table, results/verdicts.json.

`python -m tests.bench.verdicts [--only CHECK]`, inside bench/machine/enter: a bench of its own, one fault a check.
Times run from the moment the bench has applied the fault to the moment the verdict says so, as read on the bench's
page; the bound is 2 s. A check whose fault the bench has no handle for is listed with the reason.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from firmware.checks import ALL
from tests.bench.conftest import ROOT, Client, ready, start

BOUND_S, PATIENCE_S, LOOK_S = 2.0, 30.0, 0.02
RESULTS = ROOT / "results" / "verdicts.json"
Do = Callable[[Client], object]


@dataclass(frozen=True)
class Fault:
    """One fault: how it is made and healed, and words by which the reason is known. `before` makes it possible."""

    check: str
    name: str
    words: str
    make: Do
    heal: Do
    before: Do = lambda _: None
    after: Do = lambda _: None


def post(path: str, **body: object) -> Do:
    return lambda bench: bench.post(path, body)


def every(*steps: Do) -> Do:
    return lambda bench: [step(bench) for step in steps]


def uplinks(*names: str, **body: object) -> Do:
    return every(*(post(f"/twin/uplink/{name}", **body) for name in names))


def in_call(bench: Client) -> None:
    """A call that is answered, with its first quality figures."""
    bench.post("/twin/call", {"action": "ring"})
    bench.until("it rings", lambda: bench.get("/unit.json")["call"]["state"] == "ringing")
    bench.post("/unit/call", {"action": "answer"})
    bench.until("its quality is known", lambda: bench.get("/unit.json")["call"]["r_factor"] is not None)


def full(bench: Client) -> None:
    """Not a byte is left on the unit's disk."""
    ballast = bench.folder / "unit" / "data" / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:  # it ends when the disk is full
        while out.write(b"\0" * 65_536):
            pass


def roomy(bench: Client) -> None:
    (bench.folder / "unit" / "data" / "ballast").unlink(missing_ok=True)


def killed(service: str) -> Do:
    return post("/twin/process", service=service, signal="KILL")


def by_itself(bench: Client) -> None:
    """The supervisor starts it again."""


def settings(bench: Client) -> Path:
    return bench.folder / "unit" / "config" / "site.toml"


def misspelt(bench: Client) -> None:
    """A setting that nobody knows, and the service that tells of it started anew: files are read at the start."""
    with settings(bench).open("a") as out:
        out.write("\n[misspelt]\nvalue = 1\n")
    killed("status")(bench)


def spelt(bench: Client) -> None:
    settings(bench).write_text(settings(bench).read_text().partition("\n[misspelt]")[0])
    killed("status")(bench)


WIRED, EVERY = ("wired", "wired2"), ("wired", "wired2", "lte")
FAULTS = (
    Fault(
        "voice",
        "a third of the packets lost in a call",
        "voice quality",
        uplinks(*EVERY, loss=0.33),
        uplinks(*EVERY, heal=True),
        before=in_call,
        after=post("/unit/call", action="hang-up"),
    ),
    Fault(
        "panel",
        "PANIC's wire cut",
        "panel has a fault",
        post("/twin/panel", line="panic", fault="cut"),
        post("/twin/panel", line="panic", fault="none"),
    ),
    Fault("hub", "the hub link killed", "centre", killed("hublink"), by_itself),
    Fault("hub", "the broker killed", "does not hear this unit", killed("broker"), by_itself),
    Fault("uplink", "every cable pulled", "etwork line", uplinks(*EVERY, cable=False), uplinks(*EVERY, heal=True)),
    Fault(
        "second_uplink",
        "LTE's cable pulled",
        "second network line",
        uplinks("lte", cable=False),
        uplinks("lte", heal=True),
    ),
    Fault(
        "second_uplink",
        "both wired lines swallow everything",
        "second network line",
        uplinks(*WIRED, blackhole=True),
        uplinks(*WIRED, heal=True),
    ),
    Fault(
        "headset",
        "the headset unplugged",
        "not plugged in",
        post("/twin/headset", plugged=False),
        post("/twin/headset", plugged=True),
    ),
    Fault(
        "microphone",
        "a capture switch that does not switch, on MUTE",
        "MUTE cannot be proven",
        lambda bench: bench.tap("mute"),
        every(post("/twin/headset", heal=True), lambda bench: bench.tap("mute")),
        before=post("/twin/headset", stuck_switch=True, speaking=True),
    ),
    Fault("power", "mains lost", "no mains power", post("/twin/power", mains=False), post("/twin/power", mains=True)),
    Fault("call", "the calls service killed", "calls can come in", killed("calls"), by_itself),
    Fault("clock", "the uplinks service killed: nobody has the time", "clock is right", killed("uplinks"), by_itself),
    Fault("configuration", "a setting misspelt, read at the next start", "settings of this unit", misspelt, spelt),
    Fault(
        "disk",
        "a press while the disk is full to the last byte",
        "storage of this unit is full",
        lambda bench: bench.tap("assist"),
        roomy,
        before=full,
    ),
)
ABSENT = {
    "update": "the bench runs no update service",
}


def says(bench: Client, words: str) -> bool:
    """Whether the verdict has the reason now; a page that does not answer just now says nothing."""
    try:
        reasons = bench.get("/unit.json")["readiness"]["reasons"]
    except (OSError, ValueError):
        return False
    return any(words in reason for reason in reasons)


def waited_s(holds: Callable[[], bool]) -> float | None:
    """Seconds until `holds`; None where it does not within PATIENCE_S."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_S:
        if holds():
            return time.monotonic() - began
        time.sleep(LOOK_S)
    return None


@dataclass(frozen=True)
class Row:
    check: str
    fault: str
    told_s: float | None
    cleared_s: float | None
    why: str = ""


def measured(bench: Client, fault: Fault) -> Row:
    fault.before(bench)
    bench.until("no such reason before", lambda: not says(bench, fault.words))
    fault.make(bench)
    told_s = waited_s(lambda: says(bench, fault.words))
    fault.heal(bench)
    cleared_s = waited_s(lambda: not says(bench, fault.words))
    fault.after(bench)
    return Row(fault.check, fault.name, told_s, cleared_s)


def shown(row: Row) -> str:
    told, cleared = (("-" if each is None else f"{each:.2f} s") for each in (row.told_s, row.cleared_s))
    mark = row.why or ("ok" if row.told_s is not None and row.told_s <= BOUND_S else f"OVER {BOUND_S:g} s")
    return f"{row.check:<14} {row.fault:<48} {told:>8} {cleared:>9}  {mark}"


def rows(bench: Client, only: str) -> list[Row]:
    """Every fault by itself, everything well in between."""
    print(f"{'check':<14} {'fault':<48} {'told':>8} {'cleared':>9}", flush=True)
    found = []
    for fault in FAULTS:
        if only in ("", fault.check):
            bench.heal()
            found.append(measured(bench, fault))
            print(shown(found[-1]), flush=True)
    for check, why in ABSENT.items():
        found.append(Row(check, "", None, None, why))
        print(shown(found[-1]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="verdicts", description=__doc__)
    parser.add_argument("--only", default="", help="one check alone")
    given = parser.parse_args()
    left_out = {check.__module__.rpartition(".")[2] for check in ALL} - {each.check for each in FAULTS} - set(ABSENT)
    assert not left_out, f"no fault for the checks {left_out}"
    process, bench, lifeline = start(f"v{os.getpid()}-", "--disk-kb", "16384")
    with process:
        try:
            ready(process)
            found = rows(bench, given.only)
        finally:
            os.close(lifeline)
            process.wait(30)
    late = [row for row in found if not row.why and (row.told_s is None or row.told_s > BOUND_S)]
    machine = {"cores": os.cpu_count(), "load_1_min": os.getloadavg()[0], "kernel": platform.release()}
    if not given.only:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps({"bound_s": BOUND_S, "machine": machine, "rows": [asdict(row) for row in found]}, indent=1)
            + "\n"
        )
    good, faults = len(found) - len(ABSENT) - len(late), len(found) - len(ABSENT)
    print(f"{good} of {faults} within {BOUND_S:g} s, load {machine['load_1_min']:.1f} on {machine['cores']} cores")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
