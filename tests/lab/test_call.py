"""A call on the image: the agency behind wg-voice, the unit's softphone, and a headset at its USB."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.rehearsal import fact, until
from tests.lab.tunnelled import Hub, in_the_field

pytestmark = pytest.mark.timeout(3600)
CALLS = "busctl call org.homedispatch.Calls /org/homedispatch/Calls org.homedispatch.Calls1"
Unit = tuple[Guest, Hub]
HEARD = 0.003  # of full scale: the agency's speech, or ours, and no silence


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    with in_the_field(ready, tools, tmp_path_factory.mktemp("unit"), ("headset",)) as made:
        until(made[0], "the headset", "Headset", "present", True, BOUND_S)
        yield made


def test_it_is_registered_by_wg_voice(unit: Unit) -> None:
    until(unit[0], "the agency's SIP server knows it", "Calls", "registered", True, 120)


def test_a_call_is_taken_and_each_hears_the_other(unit: Unit) -> None:
    guest, hub = unit
    guest.board.command("headset", {"speaking": True, "level_dbfs": -12})
    hub.phone({"action": "ring"})
    until(guest, "it rings", "Calls", "state", "ringing", BOUND_S)
    guest.run(f"{CALLS} Answer")
    until(guest, "it is taken", "Calls", "state", "active", BOUND_S)
    soon(guest, "the agency in our ear", lambda: (guest.board.state("headset")["ear_rms"] or 0) > HEARD, 120)
    soon(guest, "our voice at the agency", lambda: (hub.phone()["heard_rms"] or 0) > HEARD, 120)
    assert fact(guest, "Calls", "secure") is True
    print(
        f"\n{fact(guest, 'Calls', 'codec')}, loss {fact(guest, 'Calls', 'loss')}, R {fact(guest, 'Calls', 'r_factor')}"
    )
    guest.run(f"{CALLS} HangUp")
    soon(guest, "the agency's end", lambda: hub.phone()["state"] == "idle")
    until(guest, "it is over", "Calls", "state", "idle", BOUND_S)
