"""One service's fact as another sees it, over a real bus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from firmware import bus, facts

BOUND_S = 5.0


async def shout(text: str) -> str:
    if not text:
        raise ValueError("nothing to shout")
    return text.upper()


@pytest.fixture
async def export(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[bus.Export[facts.Power]]:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    made = bus.Export(bus.connect(), "Power", facts.Power(), [bus.Method("Shout", "s", ("text",), "s", shout)])
    await made.own()
    yield made
    made.bus.close()


async def test_a_change_is_followed(export: bus.Export[facts.Power]) -> None:
    seen = bus.follow(export.bus, "Power", facts.Power)
    assert await asyncio.wait_for(anext(seen), BOUND_S) == facts.Power()
    export.set(facts.Power(source="battery", percent=12.5))
    assert await asyncio.wait_for(anext(seen), BOUND_S) == facts.Power(source="battery", percent=12.5)
    await seen.aclose()


async def test_a_service_that_goes_is_none_and_its_return_is_seen(export: bus.Export[facts.Power]) -> None:
    other = bus.connect()
    seen = bus.follow(export.bus, "Modem", facts.Modem)
    assert await asyncio.wait_for(anext(seen), BOUND_S) is None
    modem = bus.Export(other, "Modem", facts.Modem(operator="Lab"))
    await modem.own()
    assert await asyncio.wait_for(anext(seen), BOUND_S) == facts.Modem(operator="Lab")
    other.close()
    assert await asyncio.wait_for(anext(seen), BOUND_S) is None
    await seen.aclose()


async def test_a_method_answers_and_an_error_comes_in_words(export: bus.Export[facts.Power]) -> None:
    assert await bus.call(export.bus, "Power", "Shout", "s", "hello") == "HELLO"
    with pytest.raises(bus.BusError, match="nothing to shout"):
        await bus.call(export.bus, "Power", "Shout", "s", "")


async def test_who_may_call_is_the_bus_policy_s_to_say(export: bus.Export[facts.Power]) -> None:
    """Every service has a user of its own on a unit; what is "privileged" sd-bus answers to root alone."""
    of = "org.freedesktop.DBus.Introspectable"
    words = await bus.call_any(export.bus, bus.PREFIX + "Power", bus.path("Power"), of, "Introspect")
    own = words.partition(f'<interface name="{bus.interface("Power")}">')[2].partition("</interface>")[0]
    assert 'name="Shout"' in own and "Privileged" not in own


class Otherwise(facts.Fact, frozen=True):
    """What the power service of another release might say."""

    percent: str = "full"


async def test_a_service_that_speaks_otherwise_is_unknown_until_it_speaks_as_it_should(
    export: bus.Export[facts.Power], caplog: pytest.LogCaptureFixture
) -> None:
    other = bus.connect()
    strange = bus.Export(other, "Modem", Otherwise())
    await strange.own()
    seen = bus.follow(export.bus, "Modem", facts.Modem)
    assert await asyncio.wait_for(anext(seen), BOUND_S) == facts.Modem()  # a property nobody here knows is left out
    await seen.aclose()
    refused = bus.follow(export.bus, "Modem", facts.Power)
    assert await asyncio.wait_for(anext(refused), BOUND_S) is None
    assert "what Modem says is refused" in caplog.text
    await refused.aclose()
    other.close()


async def test_a_service_that_is_away_is_an_error(export: bus.Export[facts.Power]) -> None:
    with pytest.raises(bus.BusError, match=r"org\.homedispatch\.Nobody"):
        await bus.call(export.bus, "Nobody", "Shout", "s", "x")


async def test_a_second_owner_is_refused(export: bus.Export[facts.Power]) -> None:
    del export  # it owns the name
    second = bus.connect()
    with contextlib.closing(second), pytest.raises(bus.BusError, match="already running"):
        await bus.Export(second, "Power", facts.Power()).own()


async def test_a_dead_bus_does_not_answer_a_ping(private_bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    connection = bus.connect()
    await bus.ping(connection)
    connection.close()
    with pytest.raises(bus.BusError):
        await bus.ping(connection)


def test_no_bus_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with pytest.raises(bus.BusError, match="cannot reach the system bus"):
        bus.connect()
