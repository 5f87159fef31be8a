"""Fingers on the board's panel, eyes on its lamps, and a supervisor who answers."""

import time
from pathlib import Path

from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.rehearsal import SPOOL, until
from tests.lab.supervisors import Supervisors

LOOK_S = 4.0
ALERTS = f"{SPOOL} 2> /dev/null; true"


def finger(guest: Guest, button: str, *actions: str) -> None:
    for action in actions:
        guest.board.command("panel", {"button": button, "action": action})


def raised(guest: Guest, button: str = "panic", held_s: float | None = None) -> str:
    """The id of the alert, once it is on the disk; held until then, or so long by the unit's own clock."""
    before = set(guest.run(ALERTS).split())
    finger(guest, button, "press")
    if held_s is not None:
        guest.run(f"sleep {held_s}")
        finger(guest, button, "release")
    (name,) = soon(guest, f"{button} on disk", lambda: set(guest.run(ALERTS).split()) - before)
    finger(guest, button, "release")
    return Path(str(name)).stem


def answered(guest: Guest, hub: Supervisors) -> None:
    """A supervisor answers whatever is open at the console."""
    for alert, row in hub.alerts().items():
        if row["acknowledged_by"] is None:
            hub.acknowledge(alert, "Kim")
    until(guest, "no alert is open", "Alerts", "open_alerts", 0, BOUND_S)


def blinks_hz(guest: Guest, lamp: str = "panic") -> tuple[float, bool]:
    """How often the lamp goes on in a second of the guest's, and whether it is lit at the end."""
    began, rises, lit = uptime(guest), 0, bool(guest.board.state("panel")["lit"][lamp])
    ends = time.monotonic() + LOOK_S
    while time.monotonic() < ends:
        guest.read(0.005)
        was, lit = lit, bool(guest.board.state("panel")["lit"][lamp])
        rises += lit and not was
    return rises / (uptime(guest) - began), lit


def uptime(guest: Guest) -> float:
    return float(guest.run("cut -d' ' -f1 /proc/uptime"))
