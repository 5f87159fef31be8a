"""The driver against the real NetworkManager on virtual cables: states, carrier at once, metrics, restarts, pins."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.drivers.networkmanager import device_state, with_metric
from hw.cables import namespace
from hw.cables.faults import Fault
from hw.cables.topology import HUB
from tests.hw.cables.ground import Ground, until

needs_manager = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("NetworkManager"), reason="needs NetworkManager; run in bench/machine/enter"
)
Links = dict[str, dict[str, Any]]


class Talker:
    """The driver in the unit's namespace; `links` is what it told last, `told` all of it with its time."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.told: list[tuple[float, Links]] = []
        self.done: list[dict[str, Any]] = []

    async def start(self) -> None:
        argv = namespace.command(self.ground.names.unit, sys.executable, "-m", "tests.firmware.drivers.link_talker")
        pipe = asyncio.subprocess.PIPE
        self.child = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, env=self.ground.environment)
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.child.stdout is not None
        async for line in self.child.stdout:
            heard = json.loads(line)
            if "links" in heard:
                self.told.append((heard["at"], heard["links"]))
            else:
                self.done.append(heard)

    @property
    def links(self) -> Links:
        return self.told[-1][1] if self.told else {}

    async def shows(self, true: Callable[[Links], object], bound_s: float = 10.0) -> None:
        await until(lambda: self.links and true(self.links), bound_s, f"last told: {self.links}")

    async def ask(self, line: str) -> dict[str, Any]:
        assert self.child.stdin is not None
        count = len(self.done)
        self.child.stdin.write(line.encode() + b"\n")
        await until(lambda: len(self.done) > count, what=line)
        return self.done[-1]

    async def close(self) -> None:
        self.child.kill()
        await self.child.wait()
        await self.reading


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with Ground(tmp_path, tunnels=False) as made:
        yield made


@pytest.fixture
async def talker(ground: Ground) -> AsyncIterator[Talker]:
    made = Talker(ground)
    await made.start()
    try:
        await made.shows(all_active)
        yield made
    finally:
        await made.close()


def all_active(links: Links) -> bool:
    return all(link["state"] == "activated" and link["carrier"] for link in links.values())


async def way(ground: Ground) -> str:
    return (await ground.unit("ip", "route", "get", HUB)).split("dev ")[1].split()[0]


@needs_manager
async def test_links_are_told_as_they_are(talker: Talker) -> None:
    assert talker.links["wan0"] == {
        "interface": "wan0",
        "carrier": True,
        "state": "activated",
        "address": "192.168.10.2",
        "gateway": "192.168.10.1",
        "metric": 100,
    }
    assert {name: link["metric"] for name, link in talker.links.items()} == {"wan0": 100, "wan1": 200, "lte0": 700}


@needs_manager
async def test_a_metric_moves_the_default_route_and_the_pin(ground: Ground, talker: Talker) -> None:
    assert await way(ground) == "wan0"
    assert (await talker.ask("metric wan0 900"))["error"] == ""
    assert await way(ground) == "wan1"
    await talker.shows(lambda links: links["wan0"]["metric"] == 900)
    pinned = await ground.unit("ip", "route", "show", "table", "101")
    assert [line.split()[4] for line in pinned.splitlines()] == ["wan1", "wan0"]
    assert "metric 100" not in pinned, "an old pin is left"
    assert (await talker.ask("metric wan0 50"))["error"] == ""
    assert await way(ground) == "wan0"


@needs_manager
async def test_a_metric_changes_nothing_else(ground: Ground, talker: Talker) -> None:
    addresses, told = await ground.unit("ip", "-br", "-4", "address"), len(talker.told)
    for metric in (900, 100):
        await talker.ask(f"metric wan0 {metric}")
    assert await ground.unit("ip", "-br", "-4", "address") == addresses
    assert all(link["state"] == "activated" for _, links in talker.told[told:] for link in links.values())


@needs_manager
async def test_a_lost_carrier_is_told_within_50_ms(ground: Ground, talker: Talker) -> None:
    """The quickest of five: the rest of this machine may be busy, and NetworkManager itself would take 4 s."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        ground.routers["wired"].set(Fault(cable=False))
        await talker.shows(lambda links: links["wan0"]["carrier"] is False)
        took.append(next(at for at, links in talker.told if at > began and not links["wan0"]["carrier"]) - began)
        assert await way(ground) == "wan1"
        ground.routers["wired"].set(Fault())
        await talker.shows(all_active)
    assert min(took) < 0.05


@needs_manager
async def test_a_killed_manager_is_unknown_until_it_is_back_and_no_pin_goes(ground: Ground, talker: Talker) -> None:
    pinned = await ground.unit("ip", "route", "show", "table", "101")
    watching = await asyncio.create_subprocess_exec(
        *namespace.command(ground.names.unit, "ip", "monitor", "route"), stdout=asyncio.subprocess.PIPE
    )
    await ground.kill("NetworkManager")
    await talker.shows(lambda links: all(link["state"] is None and link["carrier"] for link in links.values()))
    assert (await talker.ask("metric wan0 900"))["error"] == "Away"
    await ground.restart("NetworkManager")
    await talker.shows(all_active)
    assert (await talker.ask("metric wan0 900"))["error"] == ""
    assert (await talker.ask("metric wan0 100"))["error"] == ""
    watching.kill()
    said, _ = await watching.communicate()
    assert b"Deleted default via 10.64.0.1" not in said, "LTE's pin or route was away for a moment"
    async with asyncio.timeout(10):  # what was read before the last metric was set may come after it, once
        while True:
            if await ground.unit("ip", "route", "show", "table", "101") == pinned:
                break
            await asyncio.sleep(0.05)


@needs_manager
async def test_what_was_put_down_can_be_activated(ground: Ground, talker: Talker) -> None:
    await ground.unit("nmcli", "--wait", "0", "device", "disconnect", "lte0")
    await talker.shows(lambda links: links["lte0"]["state"] == "disconnected")
    assert talker.links["lte0"]["metric"] is None
    await ground.unit_routes(0, "102")
    assert (await talker.ask("activate lte0"))["error"] == ""
    await talker.shows(all_active)
    await ground.unit_routes(1, "102")


@needs_manager
async def test_what_cannot_be_is_refused_in_one_line(talker: Talker) -> None:
    for line in ("metric wan9 100", "activate wan9"):
        answer = await talker.ask(line)
        assert answer["error"] == "Refused"
        assert "wan9" in answer["text"]
        assert "\n" not in answer["text"]


@needs_manager
async def test_pins_of_an_earlier_life_are_taken_away(ground: Ground) -> None:
    await ground.unit("ip", "route", "add", "default", "via", "192.168.10.1", "table", "101", "metric", "5")
    talker = Talker(ground)
    await talker.start()
    try:
        await talker.shows(all_active)
        await ground.unit_routes(2, "101")
        assert "metric 5" not in await ground.unit("ip", "route", "show", "table", "101")
    finally:
        await talker.close()


@needs_manager
async def test_a_table_that_is_shut_has_no_pin_whatever_its_links_do(ground: Ground, talker: Talker) -> None:
    await ground.unit_routes(1, "102")
    await talker.ask("table 102 shut")
    await ground.unit_routes(0, "102")
    await talker.ask("metric lte0 650")
    await talker.shows(lambda links: links["lte0"]["metric"] == 650)
    await ground.unit_routes(0, "102")
    await ground.unit_routes(2, "101")
    await talker.ask("table 102 open")
    assert "metric 650" in await ground.unit("ip", "route", "show", "table", "102")


def test_states_by_number() -> None:
    assert [device_state(number) for number in (0, 10, 30, 40, 90, 100, 120, 999)] == [
        None, "unmanaged", "disconnected", "activating", "activating", "activated", "failed", None,
    ]  # fmt: skip


def test_a_metric_leaves_the_rest_of_a_profile_alone() -> None:
    profile: dict[str, dict[str, tuple[str, Any]]] = {
        "connection": {"id": ("s", "x")},
        "ipv4": {"method": ("s", "auto"), "route-metric": ("x", 1)},
    }
    assert with_metric(profile, 7) == {**profile, "ipv4": {"method": ("s", "auto"), "route-metric": ("x", 7)}}
