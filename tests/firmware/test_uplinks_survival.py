"""The uplinks service while what it leans on dies: NetworkManager, the bus, itself; everything real, in namespaces."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from firmware import bus, facts
from hw.cables.faults import Fault
from hw.cables.topology import run
from tests.bench.failover_contestants import idle_neighbours
from tests.bench.failover_lab import KINDS, Lab
from tests.hw.cables.ground import prefix, until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("NetworkManager"), reason="needs NetworkManager; run in bench/machine/enter"
)
BOUND_S = 40.0
CHOSEN = [str(metric) for metric in range(1, 51)]  # as firmware/failover/routes.py sets them


@pytest.fixture
async def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """A unit whose uplinks service has not been started yet."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unset")
    async with AsyncExitStack() as stack:
        made = Lab(tmp_path / "lab", prefix=prefix(), tunnels=())
        await made.start(stack)
        await idle_neighbours(made)
        yield made


@pytest.fixture
async def lab(network: Lab) -> Lab:
    """A unit that is on its wired uplink by a decision of the service."""
    await network.processes.start(network.unit_program("uplinks"))
    await carried(network, "wired")
    return network


async def carried(lab: Lab, uplink: str) -> None:
    """Until the unit is on that uplink because the service chose it."""
    ends = time.monotonic() + BOUND_S
    while not await chosen(lab, uplink):
        assert time.monotonic() < ends, f"not on {uplink} within {BOUND_S:g} s: {lab.processes['uplinks'].last_words()}"


async def chosen(lab: Lab, uplink: str) -> bool:
    routes = await run("ip", "-n", lab.names.unit, "route", "show", "default")
    mine = [line for line in routes.splitlines() if f"dev {KINDS[uplink][1]} " in line]
    return await lab.active() == uplink and any(line.split("metric ")[-1].strip() in CHOSEN for line in mine)


async def said(true: Callable[[facts.Uplink, facts.Uplinks], bool]) -> facts.Uplinks:
    """What the service says, once it is so of the wired uplink; TimeoutError where that never comes."""
    async with asyncio.timeout(BOUND_S):
        async for told in bus.follow(bus.connect(), "Uplinks", facts.Uplinks):
            if told is not None and told.uplinks and true(told.uplinks[0], told):
                return told
    raise AssertionError("the bus ended")


async def test_a_line_dead_behind_its_gateway_is_down_and_says_so(lab: Lab) -> None:
    """The gateway goes on answering; it is no witness for what lies behind it."""
    await lab.set("wired", Fault(blackhole="both"))
    await carried(lab, "lte")
    told = await said(lambda wired, _: wired.reason == "silent, but its gateway answers")
    assert (told.uplinks[0].state, told.hub_silent) == ("down", False)


async def test_a_silent_hub_is_told_from_a_dead_line_and_moves_nothing(lab: Lab) -> None:
    lab.processes["responder"].signal(signal.SIGSTOP)
    told = await said(lambda wired, told: wired.state == "suspect" and told.hub_silent is True)
    assert told.uplinks[0].reason == "the hub is silent, others answer"
    assert told.uplinks[0].active
    lab.processes["responder"].signal(signal.SIGCONT)
    told = await said(lambda wired, told: wired.state == "up" and told.hub_silent is False)
    assert told.uplinks[0].active


async def test_networkmanager_killed_under_it_is_lived_through(lab: Lab) -> None:
    """The move that is due while NetworkManager is dead is made once it is back; the service itself goes on."""
    service, manager = lab.processes["uplinks"], lab.processes["NetworkManager"]
    was, starts = service.pid, manager.starts
    manager.signal(signal.SIGKILL)
    await lab.set("wired", Fault(blackhole="both"))
    await carried(lab, "lte")
    assert manager.starts > starts
    assert service.pid == was


async def test_a_lost_bus_ends_the_service_and_the_next_one_keeps_the_unit_on_the_hub(lab: Lab) -> None:
    """Signals of a dead bus stop in silence, so it ends itself; its successor goes on where it was. NetworkManager 1.42
    lives on without a bus and never looks for another one, so whoever restarts the bus must restart it too."""
    service, starts = lab.processes["uplinks"], lab.processes["uplinks"].starts
    lab.processes["bus"].signal(signal.SIGKILL)
    lab.processes["NetworkManager"].signal(signal.SIGKILL)
    await until(lambda: service.starts > starts, BOUND_S, "a new uplinks service")
    await lab.set("wired", Fault(blackhole="both"))
    await carried(lab, "lte")


async def test_the_service_killed_goes_on_where_it_was(lab: Lab) -> None:
    """Its successor takes over the uplink it finds, and leaves it when it dies."""
    service, starts = lab.processes["uplinks"], lab.processes["uplinks"].starts
    await lab.set("wired", Fault(blackhole="both"))
    await carried(lab, "lte")
    await lab.set("wired", Fault())
    service.signal(signal.SIGKILL)
    await until(lambda: service.starts > starts and service.is_ready.is_set(), BOUND_S, "a new uplinks service")
    await lab.set("lte", Fault(blackhole="both"))
    await carried(lab, "wired")


@pytest.mark.parametrize(("first", "second"), [("wired", "lte"), ("lte", "wired")])
@pytest.mark.parametrize("lost", [Fault(cable=False), Fault(blackhole="both")])
async def test_all_uplinks_lost_while_it_starts_and_back_in_any_order(
    network: Lab, lost: Fault, first: str, second: str
) -> None:
    """Nothing is restarted by hand: the first one that is back carries the unit, and when it dies the second does."""
    for name in (first, second):
        await network.set(name, lost)
    service = network.processes
    await service.start(network.unit_program("uplinks"))
    await said(lambda wired, _: wired.state == "down")
    await network.set(first, Fault())
    await carried(network, first)
    await network.set(second, Fault())
    await said(lambda _, told: all(each.state == "up" for each in told.uplinks))
    await network.set(first, lost)
    await carried(network, second)
    assert service["uplinks"].starts == 1
