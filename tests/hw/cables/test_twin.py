"""Each fault does what it says, counted in packets, and the network leaves nothing behind."""

import asyncio
import contextlib
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from hw.cables import namespace
from hw.cables.faults import Fault, rules
from hw.cables.topology import HUB, LINES, OTHERS, CablesError, run
from hw.cables.twin import CablesTwin, merged, read
from tests.hw.cables.ground import prefix, until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="needs network namespaces; run inside bench/machine/enter"
)
PORT, COUNT = 7, 60
INTERFACES = {line.name: line.interface for line in LINES}


@pytest.fixture
async def cables() -> AsyncIterator[CablesTwin]:
    twin = CablesTwin(prefix())
    await twin.start()
    try:
        await twin.topology.static()
        yield twin
    finally:
        await twin.close()


def bound(twin: CablesTwin, uplink: str) -> socket.socket:
    """A unit's socket that can use this uplink alone."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, INTERFACES[uplink].encode())
        return made

    return namespace.within(twin.names.unit, make)


def drain(own: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(own.recvfrom(2048))
    return found


async def passed(twin: CablesTwin, uplink: str) -> tuple[int, int]:
    """How many of COUNT datagrams came to the hub, and how many of as many answers to a first one came back."""
    with namespace.udp_socket(twin.names.hub, (HUB, PORT)) as hub, bound(twin, uplink) as unit:
        for _ in range(COUNT):
            with contextlib.suppress(OSError):
                unit.sendto(b"up", (HUB, PORT))
        await asyncio.sleep(0.05)
        up = drain(hub)
        for _ in range(COUNT if up else 0):
            hub.sendto(b"down", up[0][1])
        await asyncio.sleep(0.05)
        return len(up), len(drain(unit))


async def test_packets_pass_on_every_line_and_the_hub_sees_the_routers_address(cables: CablesTwin) -> None:
    for line in LINES:
        with namespace.udp_socket(cables.names.hub, (HUB, PORT)) as hub, bound(cables, line.name) as unit:
            unit.sendto(b"up", (HUB, PORT))
            await until(partial(_readable, hub))
            assert hub.recvfrom(10)[1][0] == line.outside, "not translated as behind a home router"


def _readable(own: socket.socket) -> bool:
    try:
        own.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


async def test_other_targets_answer_while_the_hub_is_dead(cables: CablesTwin) -> None:
    await cables.command({"name": "hub", "cable": False})
    for other in OTHERS:
        await run(*namespace.command(cables.names.unit, "ping", "-c", "1", "-W", "2", other))
    with pytest.raises(CablesError, match="100% packet loss"):
        await run(*namespace.command(cables.names.unit, "ping", "-c", "1", "-W", "1", HUB))


async def test_no_fault_loses_nothing(cables: CablesTwin) -> None:
    assert await passed(cables, "wired") == (COUNT, COUNT)


async def test_cable_out_takes_carrier_and_packets_of_that_line_alone(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "cable": False})
    assert not await carrier(cables, "wan0")
    assert await carrier(cables, "wan1")
    assert await passed(cables, "wired") == (0, 0)
    assert await passed(cables, "lte") == (COUNT, COUNT)
    await cables.command({"name": "wired", "cable": True})
    assert await carrier(cables, "wan0")
    assert await passed(cables, "wired") == (COUNT, COUNT)


async def carrier(twin: CablesTwin, interface: str) -> bool:
    return "LOWER_UP" in await run("ip", "-n", twin.names.unit, "link", "show", interface)


async def test_the_kernel_leaves_a_line_without_carrier_by_itself(cables: CablesTwin) -> None:
    await way_is(cables, "wan0")
    await cables.command({"name": "wired", "cable": False})
    await way_is(cables, "wan1")
    await cables.command({"name": "wired2", "cable": False})
    await way_is(cables, "lte0")


async def way_is(twin: CablesTwin, interface: str, bound_s: float = 0.5) -> None:
    ends = time.monotonic() + bound_s
    while f"dev {interface}" not in await run("ip", "-n", twin.names.unit, "route", "get", HUB):
        assert time.monotonic() < ends, f"the way to the hub is not {interface}"
        await asyncio.sleep(0.01)


async def test_a_blackhole_keeps_the_carrier_and_lets_nothing_pass(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "blackhole": True})
    assert await carrier(cables, "wan0")
    assert await passed(cables, "wired") == (0, 0)


async def test_one_way_blackholes(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "blackhole": "down"})
    assert await passed(cables, "wired") == (COUNT, 0)
    await cables.command({"name": "wired", "blackhole": "up"})
    assert await passed(cables, "wired") == (0, 0)


async def test_loss_takes_its_share_each_way(cables: CablesTwin) -> None:
    await cables.command({"name": "lte", "loss": 0.5})
    rounds = [await passed(cables, "lte") for _ in range(10)]
    up, down = (sum(each[way] for each in rounds) / (10 * COUNT) for way in (0, 1))
    assert 0.38 < up < 0.62  # 6 standard deviations of 600 tosses
    assert 0.38 < down < 0.62


async def test_delay_each_way(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "delay_ms": 150})
    told = await run(*namespace.command(cables.names.unit, "ping", "-c", "3", "-i", "0.1", "-I", "wan0", HUB))
    times = [float(part.split()[0]) for part in told.split("time=")[1:]]
    assert len(times) == 3
    assert 300 <= min(times) < 360
    await cables.command({"name": "wired", "heal": True})
    assert await passed(cables, "wired") == (COUNT, COUNT)


async def test_the_router_translates_while_it_delays(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "delay_ms": 1})
    with namespace.udp_socket(cables.names.hub, (HUB, PORT)) as hub, bound(cables, "wired") as unit:
        unit.sendto(b"up", (HUB, PORT))
        await until(lambda: _readable(hub))
        _, peer = hub.recvfrom(10)
        assert peer[0] == LINES[0].outside
        hub.sendto(b"down", peer)
        await until(lambda: _readable(unit))


async def test_flapping_until_healed(cables: CablesTwin) -> None:
    await cables.command({"name": "wired", "flap_s": 0.05})
    seen = set()

    def both() -> bool:
        seen.add(cables.routers["wired"].fault.cable)
        return seen == {True, False}

    await until(both)
    await cables.command({"name": "wired", "heal": True})
    assert cables.routers["wired"].fault == Fault()
    assert await passed(cables, "wired") == (COUNT, COUNT)


async def test_a_router_that_reboots_forgets_its_translations(cables: CablesTwin) -> None:
    with namespace.udp_socket(cables.names.hub, (HUB, PORT)) as hub, bound(cables, "wired") as unit:
        unit.sendto(b"up", (HUB, PORT))
        await until(lambda: _readable(hub))
        _, peer = hub.recvfrom(10)
        await cables.command({"name": "wired", "reboot_s": 0.2})
        assert not await carrier(cables, "wan0")
        await until(lambda: cables.routers["wired"].fault.cable)
        hub.sendto(b"down", peer)
        await asyncio.sleep(0.05)
        assert not _readable(unit), "an old translation still works"
    assert await passed(cables, "wired") == (COUNT, COUNT)


async def test_a_fault_strikes_within_milliseconds(cables: CablesTwin) -> None:
    router, took = cables.routers["wired"], []
    for fault in (Fault(cable=False), Fault(), Fault(blackhole="both"), Fault(loss=0.3), Fault()) * 4:
        began = time.monotonic()
        router.set(fault)
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] < 0.005


def _held() -> tuple[list[Path], int]:
    """The namespaces there are, and how many descriptors this process has open."""
    return sorted(namespace.FOLDER.glob(f"t{os.getpid()}-*")), len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left() -> None:
    before = _held()
    twin = CablesTwin(prefix())
    await twin.start()
    await twin.command({"name": "wired", "delay_ms": 5, "flap_s": 0.01})
    await twin.close()
    assert _held() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "wired"},
        {"name": "wired3", "cable": False},
        {"name": "wired", "cable": "out"},
        {"name": "wired", "loss": 1.5},
        {"name": "wired", "loss": -0.1},
        {"name": "wired", "blackhole": "sideways"},
        {"name": "wired", "colour": "red"},
        {"name": "wired", "delay_ms": True},
        {"name": "hub", "delay_ms": 5},
    ],
)
async def test_a_bad_order_is_refused_in_one_line_and_changes_nothing(
    cables: CablesTwin, body: dict[str, object]
) -> None:
    before = cables.state()
    with pytest.raises(ValueError, match="uplink") as refusal:
        await cables.command(body)
    assert "\n" not in str(refusal.value)
    assert cables.state() == before


def test_orders_add_up_until_healed() -> None:
    fault = Fault()
    for body in ({"loss": 0.1}, {"cable": False}, {"blackhole": "up"}):
        fault = merged(fault, read({"name": "lte", **body}))
    assert fault == Fault(loss=0.1, cable=False, blackhole="up")
    assert merged(fault, read({"name": "lte", "blackhole": False})) == Fault(loss=0.1, cable=False)
    assert merged(fault, read({"name": "lte", "heal": True})) == Fault()


def test_a_fault_that_is_none_has_no_rule() -> None:
    assert rules(Fault()) == "flush chain ip faults line\n"
