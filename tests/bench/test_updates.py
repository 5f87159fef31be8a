"""Settings that central IT signs reach the running services; what loses the hub is taken back. A bench of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.conftest import Client, begun

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(300)]
TRIAL_S, SETTLED_S = 5, 90.0


@pytest.fixture
def bench() -> Iterator[Client]:
    with begun("u", "--trial-s", str(TRIAL_S)) as client:
        yield client


def update(bench: Client) -> Any:
    return bench.get("/unit.json")["update"]


def test_signed_settings_are_taken_tried_kept_and_taken_back(bench: Client) -> None:
    site = bench.folder / "unit" / "config" / "site.toml"
    bench.until("the unit knows its updates", lambda: update(bench)["site"] == "0")
    bench.until("the unit is at its hub", lambda: bench.get("/unit.json")["hub"]["connected"])
    starts = {name: each["starts"] for name, each in bench.get("/processes.json").items()}

    bench.post("/twin/release", {"site": {"power": {"low_minutes": 600}}, "version": "2"})
    bench.until("they are in force", lambda: "low_minutes = 600" in site.read_text(), SETTLED_S)
    bench.until("they are kept", lambda: update(bench)["site"] == "2" and update(bench)["site_proven"], SETTLED_S)
    again = {name: each["starts"] for name, each in bench.get("/processes.json").items()}
    assert again["power"] > starts["power"] and again["panel"] > starts["panel"] and again["broker"] == starts["broker"]
    bench.post("/twin/power", {"mains": False, "percent": 90})
    bench.until("the new bound counts", lambda: bench.get("/unit.json")["power"]["state"] == "low")
    bench.post("/twin/power", {"mains": True})
    bench.until("mains is back", lambda: bench.get("/unit.json")["power"]["source"] == "mains")

    kept = site.read_text()
    bench.post("/twin/release", {"site": {"hub": {"host": "10.79.0.250"}}, "version": "3"})
    bench.until("they are in force", lambda: "10.79.0.250" in site.read_text(), SETTLED_S)
    bench.until("they are taken back", lambda: site.read_text() == kept, SETTLED_S)
    bench.until("it is told why", lambda: "the hub was lost" in update(bench)["failed"], SETTLED_S)
    bench.until("the hub is there again", lambda: bench.get("/unit.json")["hub"]["connected"], SETTLED_S)
    bench.until("the hub knows too", lambda: at_hub(bench)["failed_version"] == "3", SETTLED_S)
    assert update(bench)["site"] == "2"
    assert bench.refusal("/twin/release", b'{"site": {"hub": {"mqtt_port": 0}}, "version": "4"}')[0] == 400


def at_hub(bench: Client) -> Any:
    return bench.get("/hub.json")["units"][0]["update"]
