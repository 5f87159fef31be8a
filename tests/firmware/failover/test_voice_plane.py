"""When voice is copied, and the text of it that nftables and NetworkManager themselves must take."""

import itertools
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
from sdbus import sd_bus_open_system

from firmware.facts import CallState, PanicState, UplinkState
from firmware.failover import voice_plane
from hw.cables import namespace
from hw.cables.topology import run
from tests.hw.cables.ground import Ground

needs_manager = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("NetworkManager"), reason="needs NetworkManager; run in bench/machine/enter"
)
STATES = itertools.product((None, *get_args(CallState)), (None, *get_args(PanicState)), (None, *get_args(UplinkState)))


def test_copies_unless_all_is_known_to_be_quiet_and_well() -> None:
    for call, panic, wired in STATES:
        quiet = call == "idle" and panic in ("idle", "acknowledged") and wired == "up"
        assert voice_plane.copying_wanted(call, panic, wired) is not quiet, (call, panic, wired)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with Ground(tmp_path, tunnels=False) as made:
        yield made


@needs_manager
async def test_nftables_takes_both_rule_sets_again_and_again(ground: Ground) -> None:
    for on in (True, True, False, False, True):
        await run(*namespace.command(ground.names.unit, "nft", "-f", "-"), given=voice_plane.rules(on))
        assert ("dup to" in await ground.unit("nft", "list", "table", "ip", "voice")) is on


@needs_manager
async def test_networkmanager_takes_the_mirror_as_a_setting(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """This kernel has no mirror; that the setting is understood as meant, NetworkManager itself tells."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", ground.bus.address)
    from sdbus_async.networkmanager import NetworkConnectionSettings, NetworkManagerSettings

    bus = sd_bus_open_system()
    profile: dict[str, dict[str, tuple[str, Any]]] = {
        "connection": {
            "id": ("s", "mirrored"),
            "uuid": ("s", "00000000-0000-4000-8000-00000000abcd"),
            "type": ("s", "dummy"),
            "interface-name": ("s", "dummy9"),
            "autoconnect": ("b", False),
        },
        "tc": voice_plane.mirror(True),
    }
    at = await NetworkManagerSettings(bus).add_connection_unsaved(profile)
    told = (await NetworkConnectionSettings(at, bus).get_settings())["tc"]
    assert told["tfilters"][1][0]["kind"] == ("s", "matchall")
    assert told["tfilters"][1][0]["action"][1]["dev"] == ("s", "wg-b")
    assert told["tfilters"][1][0]["action"][1]["mirror"] == ("b", True)


class Recorded:
    """A NetworkManager driver that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []

    async def set_section(self, interface: str, section: str, value: Any) -> None:
        self.asked.append((interface, section, value))


async def test_the_mirror_is_set_on_wg_a_and_taken_off() -> None:
    driver = Recorded()
    for on in (True, False):
        await voice_plane.MirrorCopying(driver).set(on)
    assert [(interface, section) for interface, section, _ in driver.asked] == [("wg-a", "tc")] * 2
    assert driver.asked[1][2]["tfilters"] == ("aa{sv}", [])


async def test_a_refusal_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nft").write_text("#!/bin/sh\necho no right to do so >&2\nexit 1\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(voice_plane.VoicePlaneError, match="no right to do so"):
        await voice_plane.NftCopying().set(True)


def test_a_poke_without_tunnels_costs_nothing() -> None:
    voice_plane.poke()
