"""Who may call whom on the system bus: what the code calls, and nothing else. Each service has a user of its own."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from image.places import IMAGE

ROOT = Path(__file__).parents[2]
POLICY = ElementTree.parse(IMAGE / "root/usr/share/dbus-1/system.d/org.homedispatch.conf").getroot()
OURS = "org.homedispatch"
CALLERS = {
    "alerts.py": "alerts",
    "answers.py": "hublink",
    "orders.py": "hublink",
    "record/outbox.py": "recorder",
    "selftests/parts.py": "readiness",
    "selftests/asking.py": "readiness",
    "supply/actions.py": "power",
}
"""Every module that calls a method of another service, and the service that it is part of."""


def called() -> set[tuple[str, str]]:
    """(user, name called) of every call in the services' code."""
    found = set()
    for file in (ROOT / "firmware").rglob("*.py"):
        for name in re.findall(r"bus\.call\([\w.]+, \"(\w+)\"", file.read_text()):
            found.add((f"hdu-{CALLERS[str(file.relative_to(ROOT / 'firmware'))]}", name))
    return found


def allowed(policy: ElementTree.Element) -> set[tuple[str, str]]:
    """(name, interface) of what may be sent to our services."""
    at = ((each.get("send_destination") or each.get("send_destination_prefix") or "", each) for each in policy)
    return {(name, each.get("send_interface") or "") for name, each in at if each.tag == "allow" and OURS in name}


def test_each_service_may_call_those_it_calls_and_no_other() -> None:
    users = [policy for policy in POLICY if (policy.get("user") or "").startswith("hdu-")]
    may = {(policy.get("user"), *each) for policy in users for each in allowed(policy)}
    assert may == {(user, f"{OURS}.{name}", f"{OURS}.{name}1") for user, name in called()}


def test_all_services_may_read_the_facts_of_all_and_ask_whether_they_live_and_no_more() -> None:
    (group,) = (policy for policy in POLICY if policy.get("group") == "hdu")
    assert allowed(group) == {(OURS, f"org.freedesktop.DBus.{what}") for what in ("Properties", "Peer")}
