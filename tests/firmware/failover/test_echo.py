"""What the probes tell of the hub's time, and what their socket takes and survives, over cables of namespaces."""

import os
import select
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from firmware.failover import probing
from firmware.failover.echo import Echo, HubTime
from firmware.failover.estimate import Clock
from hub import responder
from hw.cables import namespace
from hw.cables.topology import HUB, LINES, Topology, ip
from tests.hw.cables.ground import prefix

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nftables; run in bench/machine/enter"
)
SITE_KEY, NAME, BOUND_S = bytes(range(32)), "hdu-0001", 5.0
(WIRED, *_) = LINES


def test_nothing_is_known_before_the_first_answer() -> None:
    assert HubTime().wall_error_ms() is None


def test_the_error_of_our_clock_is_its_distance_from_the_hubs_and_the_bound_of_that() -> None:
    hub = HubTime()
    hub.clock = Clock(ahead_ms=250.0, error_ms=4.0, at=time.monotonic())
    error_ms = hub.wall_error_ms()
    assert error_ms is not None and 253 < error_ms < 259


def test_a_hub_far_away_in_time_is_told_as_far() -> None:
    hub = HubTime()
    hub.ahead_us += 3_600_000_000
    hub.clock = Clock(error_ms=1.0, at=time.monotonic())
    error_ms = hub.wall_error_ms()
    assert error_ms is not None and abs(error_ms - 3_600_001) < 5


def test_an_uplink_that_is_not_there_sends_nothing_and_ends_nobody() -> None:
    """A modem that comes up later than the service, or never."""
    made = Echo("hdu-none", NAME, SITE_KEY, HubTime())
    try:
        made.send(("127.0.0.1", 9), time.monotonic())
        assert (made.sent_bytes, list(made.heard())) == (0, [])
    finally:
        made.close()


@pytest.fixture
async def cables() -> AsyncIterator[Topology]:
    made = Topology(prefix())
    try:
        await made.start()
        await made.static()
        yield made
    finally:
        await made.close()


@pytest.fixture
def echo(cables: Topology) -> Iterator[Echo]:
    secret = probing.unit_key(SITE_KEY, probing.identity(NAME))
    made = namespace.within(cables.names.unit, lambda: Echo(WIRED.interface, NAME, secret, HubTime()))
    yield made
    made.close()


def hub(cables: Topology, port: int = 0) -> socket.socket:
    """The hub's socket."""
    return namespace.udp_socket(cables.names.hub, (HUB, port))


def within_bound(at: socket.socket) -> bool:
    return bool(select.select([at], [], [], BOUND_S)[0])


def answered(echo: Echo, at: socket.socket) -> bool:
    """Whether one probe goes there and its answer comes back."""
    echo.send(at.getsockname(), time.monotonic())
    if not within_bound(at):
        return False
    datagram, sender = at.recvfrom(64)
    answer = responder.respond(datagram, SITE_KEY, time.time_ns() // 1000)
    assert answer is not None
    at.sendto(answer, sender)
    return within_bound(echo.socket) and len(list(echo.heard())) == 1


@needs_root
async def test_a_strangers_datagram_never_reaches_the_socket(cables: Topology, echo: Echo) -> None:
    with hub(cables) as at, namespace.udp_socket(cables.names.router("wired")) as stranger:
        assert answered(echo, at)
        port = echo.socket.getsockname()[1]
        stranger.sendto(b"hello", (WIRED.address, port))
        assert answered(echo, at)  # what came before it would have been heard with it
        assert echo.heard_bytes == 2 * (probing.ANSWER_BYTES + probing.HEADERS_BYTES)


@needs_root
async def test_a_hub_that_was_away_costs_no_probe_after_it_is_back(cables: Topology, echo: Echo) -> None:
    with hub(cables) as at:
        port = at.getsockname()[1]
    echo.send((HUB, port), time.monotonic())
    assert within_bound(echo.socket)  # the kernel has been told that nobody is there
    with hub(cables, port) as at:
        assert answered(echo, at)


@needs_root
async def test_an_uplink_that_gets_another_address_goes_on_at_once(cables: Topology, echo: Echo) -> None:
    with hub(cables) as at:
        assert answered(echo, at)
        change = (
            f"addr del {WIRED.address}/24 dev {WIRED.interface}",
            f"addr add 192.168.10.77/24 dev {WIRED.interface}",
        )
        route = f"route replace default via {WIRED.gateway} dev {WIRED.interface} metric {WIRED.metric}"
        await ip(cables.names.unit, *change, route)
        assert answered(echo, at)


@needs_root
async def test_an_uplink_that_was_down_is_asked_by_itself_and_never_by_another(cables: Topology, echo: Echo) -> None:
    """Its route is gone for a while: its probes stay away, though another would carry them, and then come by it."""
    route = f"default via {WIRED.gateway} dev {WIRED.interface} metric {WIRED.metric}"
    with hub(cables) as at:
        assert answered(echo, at)
        await ip(cables.names.unit, f"link set {WIRED.interface} down")
        assert not select.select([at], [], [], 0)[0]
        for _ in range(3):
            echo.send(at.getsockname(), time.monotonic())
        assert not select.select([at], [], [], 0.5)[0]
        await ip(cables.names.unit, f"link set {WIRED.interface} up", f"route replace {route}")
        assert answered(echo, at)
        assert echo.socket.getsockname()[0] == WIRED.address


@needs_root
async def test_an_uplink_that_comes_later_is_asked_as_soon_as_it_is_there(cables: Topology, echo: Echo) -> None:
    unit = cables.names.unit
    names = (f"link set {WIRED.interface} down", f"link set {WIRED.interface} name elsewhere")
    await ip(unit, *names)
    with hub(cables) as at:
        echo.send(at.getsockname(), time.monotonic())
        assert not select.select([at], [], [], 0.2)[0]
        await ip(unit, f"link set elsewhere name {WIRED.interface}", f"link set {WIRED.interface} up")
        await ip(unit, f"route replace default via {WIRED.gateway} dev {WIRED.interface} metric {WIRED.metric}")
        assert answered(echo, at)


@needs_root
async def test_a_hub_that_moves_is_asked_where_it_is(cables: Topology, echo: Echo) -> None:
    with hub(cables) as before, hub(cables) as after:
        assert answered(echo, before) and answered(echo, after)
