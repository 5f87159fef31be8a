"""LTE on the image: a modem at its USB, ModemManager, NetworkManager and the profile that provisioning makes.

The hub is behind WireGuard, by cable and by LTE; behind the operator lies the same hub.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab import guest as machine
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.hands import answered, raised
from tests.lab.rehearsal import until
from tests.lab.tunnelled import APN, Hub, laid
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
Unit = tuple[Guest, Hub]


def carrying(guest: Guest) -> str | None:
    """The uplink in use, as the unit's status document says."""
    document = guest.run("hdu status --json", may_fail=True)
    uplinks = json.loads(document)["uplinks"] if document.startswith("{") else []
    return next((each["name"] for each in uplinks if each["active"]), None)


def carries(guest: Guest, name: str, bound_s: float = BOUND_S) -> None:
    soon(guest, f"{name} carries", lambda: carrying(guest) == name, bound_s)


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    folder = tmp_path_factory.mktemp("unit")
    hub, run = Hub(folder, has_lte=True), machine.resumed(ready, folder / "machine", tools, plugged=("mbim",))
    identity = hub.provisioned()
    with hub.up(), plugged(run):
        machine.go_on(run)
        laid(run, identity)
        until(run, "the hub", "HubLink", "connected", True, 180)
        yield run, hub


def test_the_modem_is_connected_by_the_units_own_profile(unit: Unit) -> None:
    guest, _ = unit
    soon(guest, "the bearer", lambda: guest.board.state("mbim")["connected"], 180)
    assert guest.board.state("mbim")["apn"] == APN
    soon(guest, "its address", lambda: "10.64.0.2" in guest.run("ip -br address show wwan0", may_fail=True))


def test_without_the_cable_the_hub_is_there_by_lte_and_a_panic_goes_that_way(unit: Unit) -> None:
    guest, hub = unit
    carries(guest, "wired")
    began = time.monotonic()
    guest.board.cable("wired", False)
    carries(guest, "lte")
    print(f"\nLTE carries {time.monotonic() - began:.1f} s after the cable was pulled")
    alert = raised(guest)
    row = soon(guest, "PANIC at the console", lambda: hub.alerts().get(alert))
    assert (row["kind"], row["via"]) == ("panic", "lte")
    answered(guest, hub)
    guest.board.cable("wired", True)
    carries(guest, "wired", 120)


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
