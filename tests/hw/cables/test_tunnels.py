"""The tunnels on the virtual network: they carry, stay on their uplinks, come back, and never leak."""

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.failover.tunnels import ALL, DATA, LTE, VOICE, WIRED, Tunnel
from firmware.failover.voice_plane import rules
from hw.cables import namespace
from hw.cables.faults import Direction, Fault
from hw.cables.probe import Probe
from hw.cables.topology import HUB, CablesError, run
from tests.bench.voice_plane import stream
from tests.hw.cables.ground import Ground, until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("wireguard-go"), reason="needs wireguard-go; run inside bench/machine/enter"
)
PORT = 5_000


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    """Static uplinks and pins by hand, so that only the tunnels are under test."""
    async with Ground(tmp_path, manager=False) as made:
        for tunnel in ALL:
            await carries(made, tunnel)
        yield made


async def answers(ground: Ground, tunnel: Tunnel) -> bool:
    try:
        await ground.unit("ping", "-c", "1", "-W", "1", tunnel.hub())
    except CablesError:
        return False
    return True


async def carries(ground: Ground, tunnel: Tunnel, bound_s: float = 40.0) -> None:
    ends = time.monotonic() + bound_s
    while not await answers(ground, tunnel):
        assert time.monotonic() < ends, f"{tunnel.interface} carries nothing"


COUNTERS = f"""table ip count {{
  counter pinned_wired {{ }}
  counter copies {{ }}
  chain lte {{
    type filter hook forward priority 10;
    udp dport {WIRED.port} counter name pinned_wired
    udp dport {LTE.port} meta length > 250 counter name copies
    udp sport {LTE.port} meta length > 250 counter name copies
  }}
}}
"""


async def count_on_lte(ground: Ground) -> None:
    """Counts in the carrier's router: what is wg-a's, and what of wg-b is too long for a handshake or keepalive."""
    await run(*namespace.command(ground.names.router("lte"), "nft", "-f", "-"), given=COUNTERS)


async def counted(ground: Ground, name: str) -> int:
    said = await run(
        *namespace.command(ground.names.router("lte"), "nft", "-j", "list", "counter", "ip", "count", name)
    )
    return int(json.loads(said)["nftables"][-1]["counter"]["packets"])


async def packets(ground: Ground, interface: str) -> int:
    """How many packets the unit has sent and received on an uplink."""
    (link,) = json.loads(await ground.unit("ip", "-json", "-stats", "link", "show", interface))
    return int(link["stats64"]["tx"]["packets"] + link["stats64"]["rx"]["packets"])


async def copying(ground: Ground, on: bool) -> None:
    await run(*namespace.command(ground.names.unit, "nft", "-f", "-"), given=rules(on))


async def speak(ground: Ground, seconds: float = 1.0) -> tuple[int, int]:
    """Voice both ways for so long: how many packets were lost, how many came twice."""
    voice = stream(ground)
    await voice.run(seconds)
    await voice.settle()
    voice.close()
    return voice.up.lost + voice.down.lost, voice.up.duplicated + voice.down.duplicated


async def test_no_copies_nothing_on_lte_and_copies_all_on_lte(ground: Ground) -> None:
    await count_on_lte(ground)
    assert await speak(ground) == (0, 0)
    assert await counted(ground, "copies") == 0
    await copying(ground, True)
    assert await speak(ground) == (0, 0)
    assert await counted(ground, "copies") >= 80, "50 a second each way, for a second"
    await copying(ground, False)
    await until_alone(ground)
    before = await counted(ground, "copies")
    assert await speak(ground) == (0, 0)
    assert await counted(ground, "copies") == before


async def test_the_hub_stops_copying_soon_after_the_unit(ground: Ground) -> None:
    await copying(ground, True)
    await speak(ground, 0.5)
    assert "10.81.0.2" in await ground.hub("nft", "list", "set", "ip", "voice", "copying")
    await copying(ground, False)
    await until_alone(ground)


async def until_alone(ground: Ground) -> None:
    """Voice goes on, and the hub has seen that the unit copies no more."""
    ends = time.monotonic() + 10
    while "10.81.0.2" in await ground.hub("nft", "list", "set", "ip", "voice", "copying"):
        assert time.monotonic() < ends, "the hub still copies"
        await speak(ground, 0.1)


async def test_voice_goes_by_lte_alone(ground: Ground) -> None:
    await copying(ground, True)
    await speak(ground, 0.2)
    for name in ("wired", "wired2"):
        ground.routers[name].set(Fault(cable=False))
    assert await speak(ground) == (0, 0)


@pytest.mark.parametrize("way", ["up", "down", "both"])
async def test_a_slower_lte_saves_every_packet_that_wired_swallows(ground: Ground, way: Direction) -> None:
    """As in the field: wired is heard first all the time, so each end answers there, and only copies are left."""
    await copying(ground, True)
    async with ground.delayed("lte", 0.03):
        await speak(ground, 0.5)
        voice = stream(ground)
        running = asyncio.create_task(voice.run())
        await until(lambda: voice.up.received > 10 and voice.down.received > 10)
        ground.routers["wired"].set(Fault(blackhole=way))
        await asyncio.sleep(0.5)
        running.cancel()
        await voice.settle()
        voice.close()
    assert (voice.up.lost, voice.down.lost, voice.up.duplicated, voice.down.duplicated) == (0, 0, 0, 0)


async def test_voice_goes_by_wired_alone(ground: Ground) -> None:
    await copying(ground, True)
    ground.routers["lte"].set(Fault(cable=False))
    assert await speak(ground) == (0, 0)


async def test_a_pinned_tunnel_never_takes_the_other_way(ground: Ground) -> None:
    await count_on_lte(ground)
    for name in ("wired", "wired2"):
        ground.routers[name].set(Fault(cable=False))
    assert not await answers(ground, WIRED)
    assert await counted(ground, "pinned_wired") == 0
    with pytest.raises(CablesError, match=r"unreachable|No route"):
        await ground.unit("ip", "route", "get", HUB, "mark", str(WIRED.mark))
    ground.routers["lte"].set(Fault(cable=False))
    ground.routers["wired"].set(Fault())
    await carries(ground, WIRED)
    assert not await answers(ground, LTE)


async def test_the_wired_pin_takes_the_other_wired_uplink(ground: Ground) -> None:
    ground.routers["wired"].set(Fault(cable=False))
    await carries(ground, WIRED)
    assert await packets(ground, "wan1") > 0


async def test_the_data_plane_moves_with_the_default_route(ground: Ground) -> None:
    """A hub that talks all the time reaches the unit on the new way as soon as the unit has said one thing there."""
    unit = namespace.udp_socket(ground.names.unit, (DATA.unit(1), PORT))
    hub = namespace.udp_socket(ground.names.hub, (DATA.hub(), PORT))
    with unit, hub:
        ground.routers["wired"].set(Fault(blackhole="both"))
        await ground.unit("ip", "route", "replace", "default", "via", "10.64.0.1", "dev", "lte0", "metric", "1")
        began = time.monotonic()
        unit.sendto(b"poke", (DATA.hub(), PORT))
        await until(lambda: _heard(hub))
        hub.sendto(b"answer", (DATA.unit(1), PORT))
        await until(lambda: _heard(unit))
        assert time.monotonic() - began < 0.5


def _heard(own: socket.socket) -> bytes:
    try:
        return own.recv(100)
    except BlockingIOError:
        return b""


async def test_nothing_outlives_a_tunnel_that_was_killed(ground: Ground) -> None:
    def following() -> list[str]:
        commands = (file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists())
        return [each.decode() for each in commands if b"cables.follow" in each and str(ground.folder).encode() in each]

    await until(lambda: len(following()) == 1)
    await ground.kill("unit-wg-data")
    await until(lambda: not following())


async def test_tunnels_survive_every_fault(ground: Ground) -> None:
    for fault in (Fault(cable=False), Fault(blackhole="both"), Fault(loss=0.9)):
        for router in ground.routers.values():
            router.set(fault)
        await asyncio.gather(*(answers(ground, tunnel) for tunnel in ALL))
        for router in ground.routers.values():
            router.set(Fault())
        for tunnel in ALL:
            await carries(ground, tunnel)


async def test_a_tunnel_that_was_killed_comes_back(ground: Ground) -> None:
    for name in ("unit-wg-voice", "hub-wg-voice", "unit-wg-b"):
        await ground.kill(name)
        await ground.restart(name)
    for tunnel in ALL:
        await carries(ground, tunnel)
    await copying(ground, True)
    await speak(ground, 0.2)
    ground.routers["wired"].set(Fault(blackhole="both"))
    lost, _ = await speak(ground)
    assert lost == 0, "the copies did not find the new wg-b"


async def test_nothing_leaves_in_clear_while_the_tunnels_are_away(ground: Ground) -> None:
    for name in ("unit-wg-voice", "unit-wg-data", "unit-wg-a", "unit-wg-b"):
        await ground.kill(name)
    with namespace.udp_socket(ground.names.unit) as unit:
        for tunnel in ALL:
            with pytest.raises(OSError, match=r"unreachable|No route"):
                unit.sendto(b"clear", (tunnel.hub(), PORT))


async def test_the_probe_takes_the_voice_plane_and_counts(ground: Ground) -> None:
    probe = Probe(ground.names)
    await probe.start()
    try:
        await until(lambda: probe.state().get("received", 0) > 50)
        assert probe.state()["way"] == "voice"
        for router in ground.routers.values():
            router.set(Fault(blackhole="both"))
        await until(lambda: probe.state()["lost"] > 0)
        assert probe.state()["longest_gap_ms"] > 500
    finally:
        await probe.close()


async def test_the_probe_goes_plainly_where_there_is_no_tunnel(tmp_path: Path) -> None:
    async with Ground(tmp_path, manager=False, tunnels=False) as ground:
        probe = Probe(ground.names)
        await probe.start()
        try:
            await until(lambda: probe.state().get("received", 0) > 20, 15)
            assert probe.state()["way"] == "plain"
            assert probe.state()["down"]["received"] > 0
        finally:
            await probe.close()


def test_voice_has_a_prefix_of_its_own() -> None:
    assert len({tunnel.network for tunnel in ALL}) == 4
    assert VOICE.network not in (DATA.network, WIRED.network, LTE.network)
