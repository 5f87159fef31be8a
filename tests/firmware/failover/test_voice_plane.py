"""When voice is copied, and the text of it that nftables and NetworkManager themselves must take."""

import itertools
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

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


class Tables:
    """A driver that keeps what it was asked, or refuses."""

    def __init__(self, refusal: OSError | None = None) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.mirrored: bool | None = True
        self.activated: list[str] = []
        self.refusal = refusal

    def open_table(self, table: int, on: bool) -> None:
        self.asked.append((table, on))
        if self.refusal:
            raise self.refusal

    def mirrors(self, source: str, target: str) -> bool | None:
        assert (source, target) == ("wg-a", "wg-b")
        return self.mirrored

    async def activate(self, interface: str) -> None:
        self.activated.append(interface)


async def test_the_mirror_is_switched_by_wg_b_s_way() -> None:
    driver = Tables()
    for on in (True, False):
        await voice_plane.MirrorCopying(driver).set(on)
    assert driver.asked == [(102, True), (102, False)]


async def test_a_mirror_that_lost_its_target_is_made_anew_and_not_over_and_over() -> None:
    driver = Tables()
    copying = voice_plane.MirrorCopying(driver)
    for mirrored, now, activated in (
        (True, 0.0, 0),
        (None, 1.0, 0),
        (False, 2.0, 1),
        (False, 290.0, 1),
        (False, 303, 2),
    ):
        driver.mirrored = mirrored
        await copying.mend(now)
        assert driver.activated == ["wg-a"] * activated, now


async def test_a_way_that_cannot_be_switched_says_why() -> None:
    with pytest.raises(voice_plane.VoicePlaneError, match="not permitted"):
        await voice_plane.MirrorCopying(Tables(OSError(1, "not permitted"))).set(True)


async def test_a_refusal_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nft").write_text("#!/bin/sh\necho no right to do so >&2\nexit 1\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(voice_plane.VoicePlaneError, match="no right to do so"):
        await voice_plane.NftCopying().set(True)


def test_a_poke_without_tunnels_costs_nothing() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    voice_plane.poke()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
