"""An acceptance on the image, by the user `help` over the bus: the unit walks, the test's board is the hands.

The lab's unit has no headset and no hub: what needs them must be found to fail; the battery, the panel and a person's
answer must be found to work. The report is then verified as the agency does it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.acceptance.report import Acceptance, sound, verify
from hub.authority import Authority
from tests.lab import rehearsal
from tests.lab.guest import Guest
from tests.lab.rehearsal import HERE, IDENTITY, MAINS, NAME

pytestmark = pytest.mark.timeout(3600)
HUBLINK = "setpriv --reuid=hdu-hublink --regid=hdu --clear-groups busctl call org.homedispatch.Alerts"
HELP = "setpriv --reuid=help --regid=help --clear-groups"
ACCEPT = f"{HELP} hdu selftest --acceptance --to -"
PATIENCE_S, WALK_S = 40, 1800.0
OUT = MAINS.replace("ONLINE=1", "ONLINE=0")
ALERTS = "busctl call org.homedispatch.Alerts /org/homedispatch/Alerts org.homedispatch.Alerts1 Acknowledge sss"
BARRED = ("Shift SignOff", "SelfTest Run s all", "Alerts Acknowledge sss x y z")
REFUSED = re.compile("denied|rejected|not authorized", re.IGNORECASE)


@pytest.fixture
def unit(up: Guest, tmp_path: Path) -> Iterator[tuple[Guest, bytes]]:
    """One that was provisioned, with the agency's authority."""
    made = Authority(tmp_path / "agency").unit(NAME)
    files = {f"{IDENTITY}/tls/{name}": (made / name).read_text() for name in ("ca.pem", "unit.pem", "unit.key")}
    told = {"answers": {"unit": NAME, "panel": "PNL-00317", "sim": "", "number": "", "headset": "046d:0a8f"}}
    rehearsal.put(up, {**files, f"{IDENTITY}/provisioned.json": json.dumps(told)})
    up.run(f"chmod -R g+rX {IDENTITY}; chgrp -R hdu {IDENTITY}")
    rehearsal.until(up, "the softphone runs", "Calls", "state", "idle", 300)
    yield up, (made / "ca.pem").read_bytes()


def answered(guest: Guest) -> None:
    """A person answers every open alert."""
    for name in guest.run(rehearsal.SPOOL).split():
        guest.run(f"{ALERTS} {Path(name).stem} Kim 2026-11-22T10:00:00.000Z")


def power(guest: Guest, mains: str) -> None:
    rehearsal.put(guest, {f"{HERE}/power_supply/AC/uevent": mains})


def pressed(guest: Guest, button: str) -> None:
    """Held until the press is on disk."""
    known = guest.run(f"{rehearsal.SPOOL} | wc -l")
    guest.board.command("panel", {"button": button, "action": "press"})
    guest.run(f"until test $({rehearsal.SPOOL} | wc -l) -gt {known}; do sleep 0.2; done")
    guest.board.command("panel", {"button": button, "action": "release"})


def looks_on(guest: Guest, name: str, words: str = "") -> None:
    """A person, who gets the report in /tmp/NAME.json, the words beside it and the exit status."""
    guest.run(f"({ACCEPT} {words} > /tmp/{name}.json 2> /tmp/{name}.txt; echo $? > /tmp/{name}.rc) &")


def ended(guest: Guest, name: str) -> tuple[str, str]:
    guest.run(f"until test -s /tmp/{name}.rc; do sleep 0.5; done", WALK_S)
    return guest.run(f"cat /tmp/{name}.rc"), guest.run(f"cat /tmp/{name}.txt")


def at(guest: Guest, step: str) -> None:
    rehearsal.until(guest, f"the walk is at {step!r}", "Acceptance", "step", step, WALK_S)


def walked(guest: Guest) -> None:
    """What a technician does, as far as this board goes."""
    at(guest, "panic")
    pressed(guest, "panic")
    at(guest, "panic answered")
    answered(guest)
    at(guest, "mains out")
    power(guest, OUT)
    at(guest, "mains in")
    power(guest, MAINS)


def outcomes(report: Acceptance) -> dict[str, str]:
    return {each.part: each.outcome for each in report.walked}


def test_a_service_may_call_another_that_has_its_own_user(up: Guest) -> None:
    up.run(f"{HUBLINK} /org/homedispatch/Alerts org.homedispatch.Alerts1 Held s none")


def test_help_walks_an_acceptance_and_takes_the_signed_report_away(unit: tuple[Guest, bytes]) -> None:
    guest, authority = unit
    for call in BARRED:
        name, method, *more = call.split()
        place = f"org.homedispatch.{name} /org/homedispatch/{name} org.homedispatch.{name}1 {method} {' '.join(more)}"
        assert REFUSED.search(guest.run(f"{HELP} busctl call {place}", may_fail=True)), call
    begin = f'--technician "Sam Field" --panel PNL-00317 --patience {PATIENCE_S}'
    looks_on(guest, "early", begin)
    assert "wait for a person" in ended(guest, "early")[1], "an alert is open: nobody may test beside it"
    answered(guest)
    rehearsal.until(guest, "no alert is open", "Alerts", "open_alerts", 0, 60)
    looks_on(guest, "lost", begin)
    at(guest, "microphone live")
    guest.run("pkill -KILL -u help hdu")
    assert rehearsal.fact(guest, "Acceptance", "state") == "running", "who looked is gone, the walk is not"
    looks_on(guest, "back")
    walked(guest)
    status, words = ended(guest, "back")
    print(f"\n{words}")
    report = verify(guest.run("cat /tmp/back.json").encode(), authority)
    assert (status, report.unit, report.technician, sound(report)) == ("1", NAME, "Sam Field", "not accepted")
    found = outcomes(report)
    passed = ("panel number", "panic answered", "headset out", "mains out", "mains in")
    assert {part: found[part] for part in passed} == dict.fromkeys(passed, "passed")
    assert {found[part] for part in ("mute", "assist", "panic", "headset in")} == {"failed"}
    assert {"spool", "battery", "hub round trip"} <= {each.part for each in report.alone}
    guest.run("systemctl restart hdu-readiness", 300)
    assert guest.run(f"{ACCEPT} 2> /dev/null", may_fail=True) == guest.run("cat /tmp/back.json"), "it is kept"
    assert guest.run("stat -c %U /var/lib/hdu/acceptance.json") == "hdu-readiness"
