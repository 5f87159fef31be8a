"""Power that ends, on the whole bench: the call is handed over, what is known is on disk, the unit goes off in order;
and mains that comes back undoes it at any point."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from firmware.record import chain
from tests.bench.conftest import Client

pytestmark = [pytest.mark.bench, pytest.mark.xdist_group("bench")]
ENDING_S = 60.0


def charged(bench: Client, percent: float) -> None:
    """No battery jumps: the power service begins anew, as if it had been like this when the unit started."""
    bench.post("/twin/power", {"heal": True, "percent": percent})
    bench.post("/twin/process", {"service": "power", "signal": "KILL"})
    bench.until("power is away", lambda: power(bench)["state"] is None)
    bench.until(
        "power is well", lambda: power(bench)["state"] == "normal" and abs(power(bench)["percent"] - percent) < 2
    )


@pytest.fixture
def flat(bench: Client) -> Iterator[Client]:
    """A bench whose battery has a few minutes left once mains goes; charged again afterwards."""
    charged(bench, 2)
    yield bench
    bench.post("/twin/call", {"action": "hang-up"})
    bench.post("/twin/power", {"mains": True})
    bench.until("the stop is undone", lambda: power(bench)["state"] == "normal", ENDING_S)
    charged(bench, 97)
    bench.until("the screen is lit", lambda: bench.get("/twin/power")["screen_percent"] == 100)
    bench.until("no call", lambda: bench.get("/twin/call")["state"] == "idle")


def power(bench: Client) -> Any:
    return bench.get("/unit.json")["power"]


def in_call(bench: Client) -> None:
    bench.until("registered", lambda: bench.get("/unit.json")["call"]["registered"])
    bench.post("/twin/call", {"action": "ring"})
    bench.until("it rings", lambda: bench.get("/unit.json")["call"]["state"] == "ringing")
    bench.post("/unit/call", {"action": "answer"})
    bench.until("answered", lambda: bench.get("/unit.json")["call"]["state"] == "active")
    bench.until("the agency speaks", lambda: bench.get("/twin/call")["state"] == "active")


def actions(bench: Client) -> list[str]:
    """What the policy asked for, in its order, as the power service's log has it."""
    lines = (bench.folder / "log" / "power.log").read_text().splitlines()
    return [line.partition("action action=")[2] for line in lines if "action action=" in line]


def test_the_call_is_handed_over_before_the_unit_goes_off_in_order(flat: Client) -> None:
    in_call(flat)
    before = len(actions(flat))
    flat.post("/twin/power", {"mains": False})
    flat.until("the call left the unit", lambda: flat.get("/unit.json")["call"]["state"] == "idle", ENDING_S)
    assert not flat.get("/twin/power")["powered_off"] and power(flat)["state"] == "ending"
    assert flat.get("/twin/call")["state"] == "active", "the caller has somebody to speak to: the supervisor"
    flat.post("/twin/power", {"speed": 30})
    flat.until("off", lambda: flat.get("/twin/power")["powered_off"], ENDING_S)
    assert actions(flat)[before:] == ["save", "warn", "hand-over", "flush", "flush", "power-off"]
    events = flat.folder / "unit" / "data" / "events"
    assert chain.verify(events).whole
    told = [json.loads(bytes(each.facts)) for each in chain.read(events) if each.kind == "Power"]
    stages = [each["stage"] for each in told if each.get("stage")]
    assert stages[-4:] == ["handing-over", "holding", "grace", "off"]


def test_mains_back_in_the_grace_undoes_the_stop(flat: Client) -> None:
    charged(flat, 1)
    flat.post("/twin/power", {"mains": False})
    flat.until("the grace", lambda: power(flat)["stage"] == "grace", ENDING_S)
    flat.post("/twin/power", {"mains": True})
    flat.until("undone", lambda: power(flat)["state"] == "normal" and power(flat)["stage"] == "")
    flat.until("the screen is lit", lambda: flat.get("/twin/power")["screen_percent"] == 100)
    assert not flat.get("/twin/power")["powered_off"]


def test_mains_back_with_a_call_on_leaves_the_call_where_it_is(flat: Client) -> None:
    """Low, and not yet ending: nothing has been done to the call."""
    charged(flat, 12)
    in_call(flat)
    flat.post("/twin/power", {"mains": False})
    flat.until("low", lambda: power(flat)["state"] == "low", ENDING_S)
    flat.until("it says so", lambda: "Take no new call" in " ".join(flat.get("/unit.json")["readiness"]["reasons"]))
    flat.post("/twin/power", {"mains": True})
    flat.until("undone", lambda: power(flat)["state"] == "normal")
    assert flat.get("/unit.json")["call"]["state"] == "active" == flat.get("/twin/call")["state"]


def test_a_stop_that_is_done_is_undone_by_a_restart(flat: Client) -> None:
    """Mains came back after the order was given: the unit starts again by itself."""
    before = len(actions(flat))
    charged(flat, 1)
    flat.post("/twin/power", {"mains": False})
    flat.until("off", lambda: flat.get("/twin/power")["powered_off"], ENDING_S)
    flat.post("/twin/power", {"mains": True})
    flat.until("started again", lambda: not flat.get("/twin/power")["powered_off"])
    assert actions(flat)[before:][-2:] == ["resume", "restart"]
