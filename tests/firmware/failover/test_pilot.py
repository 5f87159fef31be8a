"""The shell around the brain over the loopback interface: real sockets, a real responder, links that obey or not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest

from firmware.config import Config, Site, UnitFile
from firmware.drivers.ports import Link
from firmware.failover import probing
from firmware.failover.pilot import Pilot
from firmware.failover.record import Decision
from hub import responder

SITE_KEY = bytes(range(32))
NAME = "hdu-0001"
BOUND_S = 10.0
UPLINKS = [
    {"name": "wired", "kind": "ethernet", "interface": "lo"},
    {"name": "lte", "kind": "lte", "interface": "lo0"},
]
UP = Link(interface="lo", carrier=True, state="activated", address="127.0.0.1", metric=100)


class Obeying:
    """Links that do what they are told, or refuse as often as `refuses` says."""

    def __init__(self) -> None:
        self.links = {"lo": UP}
        self.refuses = 0
        self.asked: list[tuple[str, int]] = []

    def state(self) -> Mapping[str, Link]:
        return dict(self.links)

    async def changes(self) -> AsyncIterator[Mapping[str, Link]]:
        yield self.state()

    async def set_metric(self, interface: str, metric: int) -> None:
        self.asked.append((interface, metric))
        if self.refuses:
            self.refuses -= 1
            raise ConnectionError("NetworkManager is away")
        self.links[interface] = msgspec.structs.replace(self.links[interface], metric=metric)

    async def activate(self, interface: str) -> None:
        raise AssertionError(f"{interface}: nobody asked for that")

    def close(self) -> None:
        return


class Scene:
    """A pilot of one uplink over loopback, and the hub that answers it while `hub` is true."""

    def __init__(self) -> None:
        self.links, self.decisions, self.hub = Obeying(), list[Decision](), True
        self.at = responder.listen("127.0.0.1", 0)
        self.at.setblocking(False)
        asyncio.get_running_loop().add_reader(self.at, self.answer)
        unit = msgspec.convert({"name": NAME, "uplinks": UPLINKS[:1]}, UnitFile)
        config = Config(site=msgspec.convert({"hub": {"host": "127.0.0.1"}}, Site), unit=unit)
        secret = probing.unit_key(SITE_KEY, probing.identity(NAME))
        self.pilot = Pilot(config, self.links, secret, self.decisions.append)
        self.pilot.hub_is_at(self.at.getsockname())

    def answer(self) -> None:
        datagram, sender = self.at.recvfrom(64)
        answer = responder.respond(datagram, SITE_KEY, time.time_ns() // 1000)
        if self.hub and answer:
            self.at.sendto(answer, sender)

    @property
    def wired(self) -> str:
        return self.pilot.steering.health("wired").state

    async def until(self, true: Callable[[], object]) -> None:
        ends = time.monotonic() + BOUND_S
        while not true():
            assert time.monotonic() < ends, f"not within {BOUND_S:g} s"
            await asyncio.sleep(0.005)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.at)
        self.at.close()
        self.pilot.close()


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    here = Scene()
    acting = asyncio.create_task(here.pilot.act_forever())
    try:
        yield here
    finally:
        acting.cancel()
        await asyncio.gather(acting, return_exceptions=True)
        here.close()


async def test_the_first_proof_of_the_hub_is_a_move_and_the_route_is_set() -> None:
    async with scene() as here:
        here.pilot.linked(here.links.state())
        await here.until(lambda: here.decisions)
        assert (here.decisions[0].why, here.decisions[0].to) == ("boot", "wired")
        assert here.links.asked[0] == ("lo", 50)
        assert here.pilot.active == "wired"


async def test_what_networkmanager_refuses_is_asked_until_it_is_done() -> None:
    async with scene() as here:
        here.links.refuses = 2
        here.pilot.linked(here.links.state())
        await here.until(lambda: here.links.links["lo"].metric == 50)
        assert len(here.links.asked) == 3


async def test_a_metric_that_somebody_put_back_is_set_again() -> None:
    async with scene() as here:
        here.pilot.linked(here.links.state())
        await here.until(lambda: here.links.links["lo"].metric == 50)
        here.links.links["lo"] = UP
        here.pilot.linked(here.links.state())
        await here.until(lambda: here.links.links["lo"].metric == 50)


async def test_who_carried_the_unit_before_a_restart_goes_on_with_it() -> None:
    async with scene() as here:
        here.hub = False
        here.links.links["lo"] = msgspec.structs.replace(UP, metric=50)
        here.pilot.linked(here.links.state())
        assert here.pilot.active == "wired"
        assert not here.links.asked


async def test_a_hub_that_falls_silent_and_is_back_is_seen() -> None:
    async with scene() as here:
        here.pilot.linked(here.links.state())
        await here.until(lambda: here.wired == "up")
        here.hub = False
        await here.until(lambda: here.wired == "down")
        here.hub = True
        await here.until(lambda: here.wired == "up")


@pytest.mark.parametrize("known", [None, False])
async def test_a_link_without_carrier_is_not_probed(known: bool | None) -> None:
    async with scene() as here:
        here.links.links["lo"] = msgspec.structs.replace(UP, carrier=known)
        here.pilot.linked(here.links.state())
        here.pilot.told(False, False, 1.0)
        assert not here.pilot.steering.health("wired").pending
        assert here.pilot.active is None
