"""The services of the image among each other and with a real hub: status, orders, records, settings; who may call what,
and whether anything was refused that was needed.
"""

import json
import re

import pytest

from tests.lab import rehearsal
from tests.lab.enrolled import BOUND_S, Unit, soon
from tests.lab.guest import Guest
from tests.lab.rehearsal import fact, until

pytestmark = pytest.mark.timeout(3600)
PIDS = "systemctl show -P MainPID 'hdu-*.service' | grep '[1-9]'"
STRANGERS = ("hdu-calls", "hdu-headset", "help", "nobody")
CALLS = {
    "Alerts Acknowledge sss x y z": ("hdu-hublink",),
    "Alerts Held s none": ("hdu-hublink",),
    "HubLink Publish ss nothing x": ("hdu-alerts", "hdu-recorder"),
    "HubLink RoundTrip": ("hdu-readiness",),
    "Modem SendSms ss x y": ("hdu-alerts",),
    "Shift SignOff": ("hdu-hublink",),
    "Headset PlayTone s none": ("hdu-power",),
    "Headset SelfTest": ("hdu-readiness",),
    "Power TestBattery": ("hdu-readiness",),
    "Calls Transfer s x": ("hdu-power",),
    "Recorder Record ss x {}": (),
    "Updates Look": (),
    "SelfTest Run s all": ("hdu-readiness",),
}
"""Every call of one service to another in firmware/, and some that only root makes; by whom."""
REFUSED = re.compile("denied|rejected|not authorized", re.IGNORECASE)
BAD = "denied|not permitted|rejected|EPERM|EACCES|Read-only|cannot open shared|Traceback"
HARMLESS = "^(fchmod.. of /etc/credstore|Failed to create (symlink|directory or subvolume) ./)|comm=.busctl call"
"""systemd-tmpfiles would make what no unit needs on a root that nobody writes; and the calls of these tests."""


def test_the_console_has_the_unit_s_own_status(unit: Unit) -> None:
    guest, hub = unit
    row = soon(guest, "the unit at the console", lambda: (row := hub.row()).get("version") and row)
    assert (row["online"], row["verdict"]) == (True, "not fit")
    assert "The headset is not plugged in." in row["readiness"]["reasons"]
    assert (row["hub"]["connected"], row["hub"]["pending_alerts"]) == (True, 0)
    soon(guest, "its uplink there", lambda: hub.row()["uplinks"][0]["state"] == "up")
    own = json.loads(guest.run("hdu status --json", may_fail=True))
    assert (own["unit"], own["version"]) == (row["unit"], row["version"])


def test_the_hub_signs_somebody_on_and_off(unit: Unit) -> None:
    guest, hub = unit
    order = {"unit": rehearsal.NAME, "who": "Sam"}
    ends = hub.asked("hub/shift", {**order, "minutes": 60})["until"]
    until(guest, "on shift", "Shift", "until", ends, BOUND_S)
    soon(guest, "the shift at the console", lambda: hub.row()["shift"]["who"] == "Sam")
    hub.asked("hub/shift", {**order, "minutes": 0})
    until(guest, "off shift", "Shift", "on", False, BOUND_S)


def test_what_the_recorder_has_is_at_the_hub(unit: Unit) -> None:
    guest, _ = unit
    last = fact(guest, "Recorder", "last_seq")
    soon(guest, "sent", lambda: (fact(guest, "Recorder", "sent_seq") or 0) >= last > 0)
    assert fact(guest, "Recorder", "lost") == 0


def test_a_self_test_reaches_every_part(unit: Unit) -> None:
    """What is not there fails, or is said to be unavailable; nothing fails because it was not allowed."""
    guest, _ = unit
    print(said := guest.run("hdu selftest", 300, may_fail=True))
    assert re.search(r"ok +hub round trip", said)
    assert re.search(r"ok +uplink wired", said)
    assert re.search(r"ok +spool", said)
    assert not REFUSED.search(said)


@pytest.mark.parametrize("call", CALLS)
def test_who_may_call_what(unit: Unit, call: str) -> None:
    guest, _ = unit
    name, words = call.split(maxsplit=1)
    place = f"org.homedispatch.{name} /org/homedispatch/{name} org.homedispatch.{name}1 {words}"
    found = {user for user in (*CALLS[call], *STRANGERS) if not REFUSED.search(asked(guest, user, place))}
    assert found == set(CALLS[call])


def asked(guest: Guest, user: str, place: str) -> str:
    group = "hdu" if user.startswith("hdu-") else "nogroup"
    return guest.run(f"setpriv --reuid={user} --regid={group} --clear-groups busctl call {place}", may_fail=True)


def test_settings_of_central_it_are_put_in_force_tried_and_kept(unit: Unit) -> None:
    """By a service that cannot write the identity, which stays as it was provisioned."""
    guest, hub = unit
    before, was = set(guest.run(PIDS).split()), guest.run("cat /etc/hdu/site.toml")
    hub.settings("2", new := was.replace("keepalive_s = 60", "keepalive_s = 61"))
    rehearsal.look(guest)
    until(guest, "on trial", "Updates", "site_proven", None, 120)
    soon(guest, "all have started anew", lambda: before.isdisjoint(guest.run(PIDS).split()), 120)
    soon(
        guest,
        "kept",
        lambda: (fact(guest, "Updates", "site"), fact(guest, "Updates", "site_proven")) == ("2", True),
        300,
    )
    assert guest.run("cat /etc/hdu/settings/site.toml").startswith(new)
    assert guest.run("cat /etc/hdu/site.toml") == was
    assert "keepalive_s = 61" in guest.run("hdu config show | grep keepalive")


def test_a_hub_may_have_a_name(unit: Unit) -> None:
    """What the cable's network says of name servers is there for who has to ask."""
    guest, _ = unit
    said = guest.run("setpriv --reuid=hdu-hublink --regid=hdu --clear-groups cat /etc/resolv.conf")
    assert "nameserver 10.0.2.3" in said


def test_who_is_taken_over_cannot_switch_the_unit_off(unit: Unit) -> None:
    guest, _ = unit
    said = guest.run("setpriv --reuid=hdu-calls --regid=hdu --clear-groups touch /run/hdu-ask/x", may_fail=True)
    assert "Permission denied" in said
    swapped = guest.run("setpriv --reuid=hdu-calls --regid=hdu --clear-groups mv /run/hdu-ask /run/x", may_fail=True)
    assert "Permission denied" in swapped


def test_nothing_was_refused_that_was_needed(unit: Unit) -> None:
    """In the journal since the unit's start; what is known and harmless is named."""
    guest, _ = unit
    found = f"journalctl -b --no-pager -o cat | grep -iE '{BAD}' | grep -vE \"{HARMLESS}\" | sort -u"
    assert guest.run(found, may_fail=True) == ""
    assert guest.run("systemctl --failed --no-legend --no-pager") == ""
