"""The hub link on a real broker: what it proves, how it comes back, and which answers it refuses."""

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware import bus, facts
from hub import authority
from tests.firmware.conftest import Console, Followed, configure
from tests.firmware.service_scene import Service, eventually, running
from tests.hub.conftest import Broker

ID = "01M827DZYKHC188F8QSC3S5GF3"
AT = "2026-11-22T10:00:01.000Z"
GOOD = msgspec.json.encode(facts.Acknowledgement(id=ID, by="Kim", at=AT))


class Alerts:
    """Stands where the alerts service is on the bus, and keeps what it is told."""

    def __init__(self, system_bus: Any) -> None:
        self.told: list[tuple[str, str, str]] = []
        takes = bus.Method("Acknowledge", "sss", ("id", "by", "at"), "b", self.acknowledge)
        self.export = bus.Export(system_bus, "Alerts", facts.Alerts(), [takes])

    async def acknowledge(self, id: str, by: str, at: str) -> bool:
        self.told.append((id, by, at))
        return True


@pytest.fixture
async def link(tmp_path: Path, broker: Broker, private_bus: str) -> AsyncIterator[Service]:
    del private_bus
    configure(tmp_path, broker)
    async with running(tmp_path, "firmware.hublink") as made:
        yield made


@pytest.fixture
async def fact(link: Service, follow: Callable[[str, type], Followed]) -> Followed:
    """What it says of itself, once it is connected."""
    made = follow("HubLink", facts.Hub)
    await eventually(lambda: made.now and made.now.connected, f"connected: {link.words()}")
    return made


async def publish(system_bus: Any, topic: str, payload: str) -> None:
    await bus.call(system_bus, "HubLink", "Publish", "ss", topic, payload)


async def test_what_is_published_is_at_the_hub_when_it_returns(
    fact: Followed, system_bus: Any, broker: Broker, console: Console
) -> None:
    assert fact.now.connected
    await publish(system_bus, f"alert/{ID}", "here")
    await eventually(lambda: console.held.get(f"alert/{ID}") == b"here", "the console has it")
    await publish(system_bus, f"alert/{ID}", "")
    await eventually(lambda: f"alert/{ID}" not in console.held, "the hub has let it go")
    assert broker.process and broker.process.poll() is None


async def test_what_the_broker_refuses_is_an_error_and_not_a_success(fact: Followed, system_bus: Any) -> None:
    del fact
    with pytest.raises(bus.BusError, match="did not come back"):
        await publish(system_bus, "ack/forged", "x")  # the access list lets no unit write answers


async def test_a_dead_broker_is_told_at_once_and_found_again(
    fact: Followed, system_bus: Any, broker: Broker, console: Console
) -> None:
    await eventually(lambda: console.held.get("online") == b"true", "online")
    broker.kill()
    await eventually(lambda: fact.now.connected is False, "the unit says that it is off the hub")
    with pytest.raises(bus.BusError, match="not connected"):
        await publish(system_bus, f"alert/{ID}", "x")
    broker.start()
    await eventually(lambda: fact.now.connected, "back on the hub")
    await publish(system_bus, f"alert/{ID}", "again")
    await eventually(lambda: console.held.get(f"alert/{ID}") == b"again", "the console has it")


async def test_its_death_is_its_last_will(link: Service, fact: Followed, console: Console) -> None:
    del fact
    await eventually(lambda: console.held.get("online") == b"true", "online")
    await link.kill()
    await eventually(lambda: console.held.get("online") == b"false", "the hub says that it is gone")
    await link.start()
    await eventually(lambda: console.held.get("online") == b"true", "online again")


def status(safe: bool | None) -> str:
    verdict = facts.Readiness(safe=safe)
    made = facts.Status(unit="hdu-0001", version="0", slot=None, at=AT, readiness=verdict)
    return msgspec.json.encode(made).decode()


async def test_the_status_is_retained_when_what_matters_changes_and_one_that_is_torn_is_refused(
    link: Service, fact: Followed, system_bus: Any, console: Console
) -> None:
    del fact
    export = bus.Export(system_bus, "Status", facts.Document(document=status(True)))
    await export.own()
    await eventually(lambda: console.held.get("status") == status(True).encode(), "the first status")
    export.set(facts.Document(document='{"unit": 7}'))
    await eventually(lambda: "status refused" in link.words(), "the torn one is refused")
    export.set(facts.Document(document=status(False)))
    await eventually(lambda: console.held.get("status") == status(False).encode(), "the next whole one")
    assert link.alive()


async def test_a_change_of_uplink_is_proven_on_the_connection(
    fact: Followed, system_bus: Any, console: Console, broker: Broker
) -> None:
    """A broker that answers no more (as over a dead path) is left at once, not at the end of the keepalive."""
    await eventually(lambda: console.held.get("online") == b"true", "online")
    ways = [facts.Uplink(name=name, kind="lte", state="up", active=True) for name in ("wired", "lte")]
    uplinks = bus.Export(system_bus, "Uplinks", facts.Uplinks(uplinks=(ways[0],)))
    await uplinks.own()
    await eventually(lambda: console.heard("online").count(b"true") >= 2, "the first uplink is proven")
    assert broker.process
    broker.process.send_signal(signal.SIGSTOP)
    uplinks.set(facts.Uplinks(uplinks=(ways[1],)))
    await eventually(lambda: fact.now.connected is False, "left")
    broker.process.send_signal(signal.SIGCONT)
    await eventually(lambda: fact.now.connected, "connected anew")


BAD_ANSWERS = {
    "nothing": b" ",
    "not JSON": b"Kim was here",
    "no object": b'["Kim"]',
    "another alert": GOOD.replace(b"GF3", b"GF4"),
    "nobody": GOOD.replace(b"Kim", b""),
    "blank": GOOD.replace(b"Kim", b"  "),
    "a NUL": GOOD.replace(b"Kim", rb"\u0000Kim"),
    "two lines": GOOD.replace(b"Kim", rb"Kim\nLee"),
    "a field too many": GOOD.replace(b"{", b'{"as":"admin",'),
    "a field too few": b'{"id":"%s","by":"Kim"}' % ID.encode(),
    "a number for a name": GOOD.replace(b'"Kim"', b"7"),
    "no UTF-8": GOOD.replace(b"Kim", b"K\xffm"),
    "cut": GOOD[:-5],
    "deep": b"[" * 30_000,
}


async def test_answers_that_are_not_whole_are_refused_and_the_next_good_one_arrives(
    link: Service, fact: Followed, system_bus: Any, console: Console
) -> None:
    del fact
    alerts = Alerts(system_bus)
    await alerts.export.own()
    for count, bad in enumerate(BAD_ANSWERS.values(), start=1):
        await console.say(f"ack/{ID}", bad)
        await eventually(lambda: link.words().count("answer refused") == count, f"{bad[:60]!r} is refused")  # noqa: B023
    await console.say(f"ack/{ID}", GOOD)
    await eventually(lambda: alerts.told, "the good one")
    assert alerts.told == [(ID, "Kim", AT)]
    assert link.alive()


async def test_an_answer_waits_for_the_alerts_service(fact: Followed, system_bus: Any, console: Console) -> None:
    del fact
    await console.say(f"ack/{ID}", GOOD)
    await eventually(lambda: console.held.get(f"ack/{ID}") == GOOD, "the hub holds the answer")
    alerts = Alerts(system_bus)
    await alerts.export.own()
    await eventually(lambda: alerts.told == [(ID, "Kim", AT)], "the answer is handed over")


async def test_certificates_that_cannot_be_used_are_told_by_name(
    tmp_path: Path, broker: Broker, private_bus: str
) -> None:
    del private_bus
    configure(tmp_path, broker)
    unit = tmp_path / "unit.toml"
    broken = tmp_path / "unit.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    tls = broker.site / "units" / "hdu-0001"
    unit.write_text(unit.read_text().replace(str(tls / "unit.pem"), str(broken)))
    it = Service(tmp_path, "-m", "firmware", "hublink")
    await it.spawn()
    assert await it.ended() == 1
    assert str(broken) in it.words() and "cannot be used" in it.words()
    await it.close()


async def test_a_hub_of_another_agency_is_refused(tmp_path: Path, broker: Broker, private_bus: str) -> None:
    del private_bus
    foreign = authority.make(tmp_path / "foreign", ("127.0.0.1",), ("hdu-0001",)).unit("hdu-0001")
    configure(tmp_path, broker)
    unit = tmp_path / "unit.toml"
    unit.write_text(unit.read_text().replace(str(broker.site / "units" / "hdu-0001"), str(foreign)))
    async with running(tmp_path, "firmware.hublink") as it:
        await eventually(lambda: "cannot connect" in it.words(), "it says why")
        assert "certificate verify failed" in it.words().lower()
        assert it.alive()
