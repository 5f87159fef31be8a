"""PANIC on the image with a real hub: from the button to a supervisor's answer, each service as its own user, in its
sandbox. The unit is the saved one: it holds an alert from before it knew a hub.
"""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab import rehearsal
from tests.lab.agency import Agency
from tests.lab.enrolled import BOUND_S, Unit, soon
from tests.lab.guest import Guest
from tests.lab.hands import answered, blinks_hz, finger, raised
from tests.lab.rehearsal import SPOOL, until

pytestmark = pytest.mark.timeout(3600)
BLINKS_HZ = {"off": 0.0, "on": 0.0, "slow": 1.0, "fast": 4.0}
MUTE = "cat /var/lib/hdu/mute"


def arrived(unit: Unit, alert: str, what: str, since: float) -> dict[str, Any]:
    """The row at the supervisors' console; how long that took since `since` (monotonic) is printed."""
    guest, hub = unit
    row: dict[str, Any] = soon(guest, f"{what} at the console", lambda: hub.alerts().get(alert))
    waited_s = time.monotonic() - since
    mark = f"/var/lib/hdu/spool/{alert}"
    guest.run(f"until test -e {mark}.delivered; do sleep 0.1; done")
    raised_at, known_at = map(float, guest.run(f"stat -c %.3Y {mark}.alert {mark}.delivered").split())
    print(f"\n{what}: at the console {waited_s:.2f} s after; from disk to the hub {known_at - raised_at:.3f} guest s")
    assert waited_s < BOUND_S
    return row


def shows(guest: Guest, pattern: str) -> None:
    """What the panel means to show, and what a person sees."""
    until(guest, "the PANIC lamp", "Panel", "lamps", pattern, BOUND_S)
    guest.read(1.0)
    seen, lit = blinks_hz(guest)
    print(f"PANIC {pattern}: {seen:.2f} Hz, lit {lit}")
    assert seen == pytest.approx(BLINKS_HZ[pattern], rel=0.3, abs=0.3)
    assert lit or pattern != "on"


def test_what_was_held_before_there_was_a_hub_is_told(unit: Unit) -> None:
    guest, hub = unit
    (held,) = (Path(each).stem for each in guest.run(SPOOL).split())
    assert arrived(unit, held, "a panic of before", time.monotonic())["kind"] == "panic"
    shows(guest, "slow")
    answered(*unit)
    shows(guest, "on")
    assert hub.alerts()[held]["acknowledged_by"] == "Kim"


def test_a_panic_reaches_a_supervisor_and_the_answer_its_lamp(unit: Unit) -> None:
    guest, _ = unit
    began = time.monotonic()
    row = arrived(unit, raised(guest), "PANIC", began)
    assert (row["kind"], row["unit"], row["via"]) == ("panic", rehearsal.NAME, "wired")
    shows(guest, "slow")
    answered(*unit)
    shows(guest, "on")


def test_a_panic_while_the_cable_is_out_arrives_once_it_is_in(unit: Unit) -> None:
    guest, hub = unit
    guest.board.cable("wired", False)
    until(guest, "the hub is lost", "HubLink", "connected", False, 180)
    alert = raised(guest)
    shows(guest, "fast")
    assert alert not in hub.alerts()
    began = time.monotonic()
    guest.board.cable("wired", True)
    arrived(unit, alert, "PANIC, the cable put in", began)
    shows(guest, "slow")
    answered(*unit)


def test_a_panic_while_the_services_that_carry_it_die_arrives(unit: Unit) -> None:
    guest, _ = unit
    began = time.monotonic()
    guest.run("systemctl kill -s KILL hdu-hublink hdu-panel@a")
    alert = raised(guest)
    guest.run("systemctl kill -s KILL hdu-alerts")
    arrived(unit, alert, "PANIC, three services killed", began)
    answered(*unit)


def test_a_short_press_in_the_moment_a_panel_dies_is_on_disk(unit: Unit) -> None:
    """A tenth of a second of the unit's own time, five times: the other panel has it, or the one that comes back."""
    guest, hub = unit
    for _ in range(5):
        guest.run("systemctl kill -s KILL hdu-panel@a hdu-hublink")
        soon(guest, "PANIC at the console", partial(seen, hub, raised(guest, held_s=0.1)))
        answered(*unit)
        guest.run("until systemctl -q is-active hdu-panel@a hdu-hublink; do sleep 0.2; done")


def seen(hub: Agency, alert: str) -> bool:
    return alert in hub.alerts()


def test_assist_is_asked_for_and_answered(unit: Unit) -> None:
    guest, _ = unit
    began = time.monotonic()
    assert arrived(unit, raised(guest, "assist", held_s=0.1), "ASSIST", began)["kind"] == "assist"
    answered(*unit)


def test_mute_is_commanded_by_its_button_and_never_shown_as_proven(unit: Unit) -> None:
    """There is no headset: nothing was measured."""
    guest, _ = unit
    before = guest.run(MUTE, may_fail=True)
    finger(guest, "mute", "press")  # and held: a guest that gets little of this machine may miss a touch
    soon(guest, "commanded", lambda: guest.run(MUTE, may_fail=True) != before)
    finger(guest, "mute", "release")
    soon(guest, "shown as a fault", lambda: mute_shown(guest) == ("fault", "double"))


def mute_shown(guest: Guest) -> tuple[str | None, str]:
    panel = json.loads(guest.run("hdu status --json", may_fail=True))["panel"]
    assert panel["lamps"]["mute"] != "on"
    return panel["mute"], panel["lamps"]["mute"]
