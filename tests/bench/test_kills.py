"""Presses of PANIC while all else is killed, pulled and filled: every press arrives, once; no answer is made up.

HDU_KILLS says how many faults (default 150; `make test-kills` does 2,000), HDU_SEED repeats a run.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench.conftest import Client, begun

pytestmark = [pytest.mark.bench, pytest.mark.xdist_group("bench"), pytest.mark.timeout(3600)]
KILLS = int(os.environ.get("HDU_KILLS", "150"))
SEED = int(os.environ.get("HDU_SEED", str(random.randrange(2**32))))
UPLINKS = ("wired", "wired2", "lte")
DISK_KB, HOLD_S, ARRIVE_S = 8192, 20.0, 120.0
NEVER = {"NetworkManager"}  # its death is the failover's own test; here it would only slow the others down


@pytest.fixture
def small() -> Iterator[Client]:
    """A bench whose unit keeps its data on a small disk."""
    if not Path("/run/netns").exists():
        pytest.skip("needs namespaces: run by bench/machine/enter")
    with begun("k", "--disk-kb", str(DISK_KB)) as client:
        yield client


class Person(threading.Thread):
    """Presses PANIC again and again, each time until the press is on disk, as one who watches the lamp."""

    def __init__(self, bench: Client, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.bench, self.dice, self.spool = bench, dice, bench.folder / "unit" / "data" / "spool"
        self.ids: list[str] = []
        self.joined = 0
        self.failed = ""
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(self.dice.uniform(0.3, 1.2)) and not self.failed:
            self.press()

    def on_disk(self) -> set[str]:
        folders = (self.spool, self.spool / "done")
        return {file.stem for folder in folders for file in folder.glob("[!.]*.alert")}

    def last_words(self) -> str:
        """What both panels said last, and what the disk holds."""
        logs = [self.bench.folder / "log" / f"{name}.log" for name in ("panel", "panel-standby")]
        files = {str(file.relative_to(self.spool.parent)): file.stat().st_size for file in self.spool.parent.rglob("*")}
        return "\n".join([*(log.read_text(errors="replace")[-1500:] for log in logs), str(files)])

    def is_held_on(self) -> bool:
        """No panel lived while the last press was let go and this one began: to the next panel it is one press, held,
        as long as nobody has answered its alert, which stands open for both."""
        last = self.ids[-1] if self.ids else ""
        held = self.bench.folder / "unit" / "run" / "presses" / f"{last}.alert"
        joined = held.exists() and not (self.spool / f"{last}.acknowledged").exists()
        self.joined += joined
        return joined

    def press(self) -> None:
        before, began = self.on_disk(), time.monotonic()
        self.bench.post("/twin/panel", {"button": "panic", "action": "press"})
        while not (new := self.on_disk() - before):
            if time.monotonic() - began > HOLD_S:
                if self.is_held_on():
                    break
                self.failed = f"press {len(self.ids) + 1} was not on disk after {HOLD_S:g} s: {self.last_words()}"
                return
            time.sleep(0.01)
        time.sleep(0.05)  # a finger
        self.bench.post("/twin/panel", {"button": "panic", "action": "release"})
        self.ids += sorted(new)
        time.sleep(0.1)


def faults(bench: Client, dice: random.Random, answered: set[str]) -> list[Callable[[], None]]:
    """One of each kind of fault, and a supervisor who answers now and then."""
    services = sorted(set(bench.get_services()) - NEVER)

    def kill() -> None:
        bench.try_post("/twin/process", {"service": dice.choice(services), "signal": "KILL"})

    def cable() -> None:
        fault = dice.choice([{"cable": False}, {"blackhole": True}, {"loss": 0.3}, {"heal": True}, {"heal": True}])
        bench.try_post(f"/twin/uplink/{dice.choice(UPLINKS)}", fault)

    def disk() -> None:
        filler = bench.folder / "unit" / "data" / "filler"
        if filler.exists():
            filler.unlink()
        else:
            fill(filler)

    def answer() -> None:
        alerts = bench.try_open_alerts()
        if alerts and bench.try_post("/hub/acknowledge", {"alert": (id := dice.choice(alerts)), "by": "Kim"}):
            answered.add(id)

    return [*[kill] * 12, *[cable] * 4, disk, *[answer] * 3]


def fill(file: Path) -> None:
    try:
        with file.open("wb", buffering=0) as out:
            while True:
                out.write(bytes(65536))
    except OSError:
        return


def test_every_panic_arrives_once_and_none_is_answered_by_itself(small: Client) -> None:
    print(f"seed {SEED}, {KILLS} faults: HDU_SEED={SEED} HDU_KILLS={KILLS}")
    dice, answered = random.Random(SEED), set[str]()
    person = Person(small, random.Random(SEED + 1))
    person.start()
    kinds = faults(small, dice, answered)
    seen: set[str] = set()
    for _ in range(KILLS):
        dice.choice(kinds)()
        seen |= set(small.try_all_alerts())
        time.sleep(dice.uniform(0.02, 0.25))
        if person.failed:
            break
    person.stop.set()
    person.join(HOLD_S + 5)
    (small.folder / "unit" / "data" / "filler").unlink(missing_ok=True)
    for name in UPLINKS:
        small.post(f"/twin/uplink/{name}", {"heal": True})
    assert not person.failed, person.failed
    small.until("every panic at the hub", lambda: set(person.ids) <= seen | set(small.try_all_alerts()), ARRIVE_S)
    assert len(person.ids) == len(set(person.ids))
    at_unit = {file.stem for file in person.spool.rglob("*.acknowledged") if file.name[0] != "."}
    assert at_unit <= answered, "an alert is shown as answered that nobody answered"
    assert len(person.on_disk()) == len(person.ids) + tampers(person), "one press, one alert"
    assert person.joined <= KILLS / 50, "both panels are away for far too long"
    print(
        f"{len(person.ids)} presses, {len(answered)} answered, all arrived; {person.joined} were held over a dead panel"
    )


def tampers(person: Person) -> int:
    """Alerts that are not presses."""
    folders = (person.spool, person.spool / "done")
    files = [file for folder in folders for file in folder.glob("[!.]*.alert")]
    return sum('"kind":"panic"' not in file.read_text() for file in files)
