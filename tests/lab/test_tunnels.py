"""The image and its hub with nothing between them but WireGuard, as in the field: the unit is provisioned by its own
steps, NetworkManager has the profiles, the hub's end is hub_end.py. The unit is the saved one.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.failover.tunnels import DATA, LTE, VOICE, WIRED
from image.tools import Tools
from tests.lab.agency import HUB
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.hands import answered, raised
from tests.lab.rehearsal import until
from tests.lab.tunnelled import Hub, in_the_field, sent

pytestmark = pytest.mark.timeout(3600)
CABLE = "wired.pcap"
# 8035 (RARP) is QEMU's own: so it announces a machine that goes on from where it was saved.
OUTSIDE = (
    "0806",
    "8035",
    "86dd 0",
    "86dd 58",
    "icmp 10.0.2.",
    f"udp {HUB}:",
    "udp 10.0.2.3:53",
    "udp 255.255.255.255:67",
)
Unit = tuple[Guest, Hub]


def captured(guest: Guest) -> None:
    """All that goes over its cable."""
    dump = {"qom-type": "filter-dump", "id": "dump", "netdev": "wired", "file": CABLE}
    guest.board.execute("object-add", **dump)


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    with in_the_field(ready, tools, tmp_path_factory.mktemp("unit"), first=captured) as made:
        yield made


def comes_back(guest: Guest, what: str) -> None:
    """The hub, over wg-data; how long that took is printed."""
    began = time.monotonic()
    until(guest, what, "HubLink", "connected", True, 180)
    print(f"\n{what}: the hub is there after {time.monotonic() - began:.1f} s")
    assert "10.79.0.1:8883" in guest.run(f"ss -Htn state established src {DATA.unit(1)}")


def shaken(guest: Guest, interface: str) -> int:
    """When (guest's seconds) it last shook hands; 0 for never."""
    return int(guest.run(f"wg show {interface} latest-handshakes | cut -f 2") or 0)


def panicked(unit: Unit) -> None:
    """Pressed on the board, seen at the console, answered there, shown by the lamp."""
    guest, hub = unit
    began = time.monotonic()
    alert = raised(guest)
    row = soon(guest, "PANIC at the console", lambda: hub.alerts().get(alert))
    print(f"\nPANIC by wg-data: at the console {time.monotonic() - began:.2f} s after")
    assert (row["kind"], row["via"]) == ("panic", "wired")
    answered(guest, hub)
    until(guest, "the PANIC lamp", "Panel", "lamps", "on", BOUND_S)


def mirrors(guest: Guest) -> bool:
    return f"Mirror to device {LTE.interface}" in guest.run(f"tc filter show dev {WIRED.interface}", may_fail=True)


def test_the_unit_speaks_with_its_hub_through_wg_data(unit: Unit) -> None:
    guest, _ = unit
    comes_back(guest, "provisioned")
    assert all(shaken(guest, tunnel.interface) for tunnel in (DATA, WIRED, VOICE))
    assert shaken(guest, LTE.interface) == 0  # idle, it costs nothing


def test_a_panic_and_its_answer_go_by_wg_data(unit: Unit) -> None:
    panicked(unit)


def test_the_uplinks_are_proven_and_the_voice_plane_stands(unit: Unit) -> None:
    """The service reads the mirror, and opens wg-b's table only where there is a way to open: its own capabilities."""
    guest, _ = unit
    soon(guest, "wired is up", lambda: '"state":"up"' in guest.run("hdu status --json", may_fail=True))
    assert mirrors(guest)
    assert "default" in guest.run(f"ip route show table {WIRED.mark}")
    assert f"{VOICE.unit(1)}:5060" in guest.run("ss -Hlnup")


def test_it_is_all_there_after_networkmanager_began_anew(unit: Unit) -> None:
    guest, _ = unit
    before = shaken(guest, DATA.interface)
    guest.run("systemctl kill -s KILL NetworkManager; sleep 3; systemctl restart NetworkManager", 120)
    comes_back(guest, "NetworkManager killed and restarted")
    assert shaken(guest, DATA.interface) >= before
    soon(guest, "the mirror", lambda: mirrors(guest))
    panicked(unit)


def test_it_is_all_there_after_the_tunnels_were_made_anew(unit: Unit) -> None:
    """Every link of ours gone, as when a start finds none."""
    guest, _ = unit
    links = " ".join(f"ip link del {each.interface};" for each in (DATA, WIRED, LTE, VOICE))
    guest.run(f"systemctl stop NetworkManager; {links} systemctl start NetworkManager", 120)
    comes_back(guest, "the tunnels made anew")
    soon(guest, "the mirror", lambda: mirrors(guest), 400)
    panicked(unit)


def test_it_is_all_there_after_the_cable_was_out(unit: Unit) -> None:
    guest, _ = unit
    guest.board.cable("wired", False)
    until(guest, "the hub is lost", "HubLink", "connected", False, 180)
    guest.board.cable("wired", True)
    comes_back(guest, "the cable in again")
    panicked(unit)


def test_nothing_left_the_unit_outside_its_tunnels(unit: Unit) -> None:
    """Since before it was provisioned: WireGuard's own datagrams and probes to the hub's address, and what finds an
    address, a name and the time; nothing for an address inside a tunnel, also before there was a route to it."""
    guest, _ = unit
    found = sent(guest.work / CABLE)
    print(f"\nleft by the cable: {dict(found)}")
    assert found[f"udp {HUB}:{DATA.port}"] > 10
    assert {each for each in found if not each.startswith(OUTSIDE) and not each.endswith(":123")} == set()


def test_nothing_of_it_was_denied(unit: Unit) -> None:
    guest, _ = unit
    words = "denied|not permitted|Permission|EPERM|Traceback"
    assert guest.run(f"journalctl -b -o cat --no-pager | grep -E '{words}'", may_fail=True) == ""
    until(guest, "the hub", "HubLink", "connected", True, BOUND_S)
