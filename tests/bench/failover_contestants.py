"""Who is measured: our unit, NetworkManager alone, and a mwan3-like tracker, each on a network of its own."""

import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from bench.processes import Program, inside, python
from firmware import bus, facts
from tests.bench.failover_lab import Lab
from tests.bench.failover_peers import CONNECTIVITY, answer_connectivity_checks

SETTINGS = "clean_s = 1.0\nhold_max_s = 1.0\nforgive_s = 1.0"


class Contestant(NamedTuple):
    """`make` builds one of its networks, named by a prefix; `renew` puts it back where a run begins, once healed.

    `bound_s` is how long one run waits for traffic to flow again; `labs` how many networks run beside each other: the
    peers wait for seconds most of the time, and their figures are of seconds.
    """

    name: str
    make: Callable[[AsyncExitStack, Path, str], Awaitable[Lab]]
    renew: Callable[[Lab], Awaitable[None]]
    bound_s: float
    labs: int
    every_s: float


async def idle_neighbours(lab: Lab) -> bus.Export[facts.Call]:
    """A softphone and alerts on the unit's bus that say: nothing is on. The softphone, which may say otherwise."""
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = lab.bus.address
    connection = bus.connect()
    alerts = facts.Alerts(pending_alerts=0, open_alerts=0)
    call = bus.Export(connection, "Calls", facts.Call(state="idle"))
    lab.neighbours = (call, bus.Export(connection, "Alerts", alerts))
    for each in lab.neighbours:
        await each.own()
    return call


async def ours(stack: AsyncExitStack, folder: Path, prefix: str) -> Lab:
    """The uplinks service."""
    lab = Lab(folder, prefix=prefix, settings=SETTINGS)
    await lab.start(stack)
    await idle_neighbours(lab)
    await lab.processes.start(lab.unit_program("uplinks"))
    return lab


async def networkmanager_alone(stack: AsyncExitStack, folder: Path, prefix: str) -> Lab:
    """NetworkManager with its connectivity check, and the kernel as it comes."""
    lab = Lab(
        folder, prefix=prefix, connectivity=CONNECTIVITY, passes_dead_links=False, others=answer_connectivity_checks
    )
    await lab.start(stack)
    return lab


async def mwan3_like(stack: AsyncExitStack, folder: Path, prefix: str) -> Lab:
    """Addresses by NetworkManager, the route by the tracker."""
    lab = Lab(folder, prefix=prefix)
    await lab.start(stack)
    argv = inside(lab.names.unit, python("tests.bench.failover_peers"))
    await lab.processes.start(Program("tracker", argv, {}, lambda: True))
    return lab


async def nothing(_: Lab) -> None:
    """It comes back by itself soon enough."""


async def new_tracker(lab: Lab) -> None:
    """By itself it would take 8 answers, 40 s, to trust an uplink again; a fresh one trusts all."""
    lab.processes["tracker"].signal(signal.SIGKILL)


OURS = Contestant("unit", ours, nothing, bound_s=10.0, labs=2, every_s=0.01)
PEERS = (
    Contestant("NetworkManager 5 s", networkmanager_alone, nothing, bound_s=40.0, labs=5, every_s=0.02),
    Contestant("mwan3-like 5/2/3", mwan3_like, new_tracker, bound_s=40.0, labs=5, every_s=0.02),
)
