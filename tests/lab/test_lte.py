"""LTE on the image: a modem at its USB, ModemManager, NetworkManager and the profile that provisioning makes.

The hub is behind WireGuard, by cable and by LTE; behind the operator lies the same hub.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.hands import answered, raised
from tests.lab.rehearsal import until
from tests.lab.tunnelled import APN, Hub, in_the_field

pytestmark = pytest.mark.timeout(3600)
Unit = tuple[Guest, Hub]
LEASE_S, BACK_S = 45, 300
DEAD = "nft 'table netdev dead { chain in { type filter hook ingress device eth0 priority 0; drop; }; }'"


def carrying(guest: Guest) -> str | None:
    """The uplink in use, as the unit's status document says."""
    document = guest.run("hdu status --json", may_fail=True)
    uplinks = json.loads(document)["uplinks"] if document.startswith("{") else []
    return next((each["name"] for each in uplinks if each["active"]), None)


def carries(guest: Guest, name: str, bound_s: float = BOUND_S) -> None:
    soon(guest, f"{name} carries", lambda: carrying(guest) == name, bound_s)


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    with in_the_field(ready, tools, tmp_path_factory.mktemp("unit"), ("mbim",), has_lte=True) as made:
        answered(*made)  # with a panic that waits no unit goes back to its cable
        yield made


def test_the_modem_is_connected_by_the_units_own_profile(unit: Unit) -> None:
    guest, _ = unit
    soon(guest, "the bearer", lambda: guest.board.state("mbim")["connected"], 180)
    assert guest.board.state("mbim")["apn"] == APN
    soon(guest, "its address", lambda: "10.64.0.2" in guest.run("ip -br address show wwan0", may_fail=True))


def test_without_the_cable_the_hub_is_there_by_lte_and_a_panic_goes_that_way(unit: Unit) -> None:
    guest, hub = unit
    carries(guest, "wired", BACK_S)
    began = time.monotonic()
    guest.board.cable("wired", False)
    carries(guest, "lte")
    print(f"\nLTE carries {time.monotonic() - began:.1f} s after the cable was pulled")
    alert = raised(guest)
    row = soon(guest, "PANIC at the console", lambda: hub.alerts().get(alert))
    assert (row["kind"], row["via"]) == ("panic", "lte")
    answered(guest, hub)
    guest.board.cable("wired", True)
    carries(guest, "wired", BACK_S)


def test_an_uplink_that_is_dead_with_its_cable_in_gives_way_and_is_taken_again(unit: Unit) -> None:
    """For longer than a lease of an address takes to be asked for anew (30 s)."""
    guest, _ = unit
    carries(guest, "wired", BACK_S)
    guest.run(DEAD)
    carries(guest, "lte")
    guest.run(f"sleep {LEASE_S}")
    assert (carrying(guest), guest.board.state("mbim")["connected"]) == ("lte", True)
    until(guest, "the hub by LTE", "HubLink", "connected", True, BOUND_S)
    guest.run("nft delete table netdev dead")
    carries(guest, "wired", BACK_S)


def test_a_service_that_is_killed_while_lte_carries_goes_on_with_it(unit: Unit) -> None:
    guest, _ = unit
    guest.board.cable("wired", False)
    carries(guest, "lte")
    before = guest.run("ip route show default dev wwan0")
    guest.run("systemctl kill -s KILL hdu-uplinks; until systemctl is-active -q hdu-uplinks; do sleep 0.2; done")
    carries(guest, "lte")
    assert guest.run("ip route show default dev wwan0").splitlines()[0] == before.splitlines()[0]
    guest.board.cable("wired", True)
    carries(guest, "wired", BACK_S)


def test_a_network_that_was_lost_is_used_again(unit: Unit) -> None:
    guest, _ = unit
    guest.board.command("mbim", {"registered": False})
    soon(guest, "no bearer", lambda: not guest.board.state("mbim")["connected"])
    guest.board.command("mbim", {"registered": True})
    soon(guest, "the bearer again", lambda: guest.board.state("mbim")["connected"], 180)


def test_a_modem_pulled_out_and_back_is_used_again(unit: Unit) -> None:
    guest, _ = unit
    guest.board.command("mbim", {"plugged": False})
    soon(guest, "no modem", lambda: "wwan0" not in guest.run("ip -br link"))
    guest.board.command("mbim", {"plugged": True})
    soon(guest, "the bearer again", lambda: guest.board.state("mbim")["connected"], 240)
