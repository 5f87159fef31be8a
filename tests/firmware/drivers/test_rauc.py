"""The driver against the real RAUC, whose slots are plain files."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware.drivers import rauc
from firmware.drivers.rauc import RaucError, slots
from hw.slots.ground import Slots, signer
from tests.firmware.service_scene import eventually

pytestmark = pytest.mark.skipif(not shutil.which("rauc"), reason="rauc is not here; run inside bench/machine/enter")


@asynccontextmanager
async def booted(ground: Slots, slot: str, driver: rauc.Rauc) -> AsyncIterator[rauc.Rauc]:
    """RAUC's service after a boot from `slot`, which our driver then finds."""
    with (ground.folder / "rauc.log").open("ab") as log:
        service = await asyncio.create_subprocess_exec(*ground.command(slot), stdout=log, stderr=log)
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    await driver.slots()
                    break
                except RaucError:
                    await asyncio.sleep(0.05)
        yield driver
    finally:
        service.kill()
        await service.wait()


@pytest.fixture
def driver(private_bus: str) -> Iterator[rauc.Rauc]:
    rauc.connect.cache_clear()
    made = rauc.connect()
    yield made
    made.bus.close()


@pytest.fixture
def ground(tmp_path: Path, private_bus: str) -> Slots:
    made = Slots(tmp_path / "slots")
    made.prepare()
    return made


async def test_a_signed_bundle_is_installed_booted_and_marked(ground: Slots, driver: rauc.Rauc) -> None:
    bundle = await ground.bundle("1.1", b"release two")
    async with booted(ground, "A", driver):
        assert await driver.info(str(bundle)) == ("home-dispatch-unit", "1.1")
        await driver.install(str(bundle), "1.1")
        assert (ground.content("A"), ground.content("B"), ground.primary) == (b"release one", b"release two", "B")
        found = {each.name: each for each in await driver.slots()}
        assert (found["A"].booted, found["B"].booted, found["B"].version) == (True, False, "1.1")
    async with booted(ground, "B", driver):
        found = {each.name: each for each in await driver.slots()}
        assert (found["A"].booted, found["B"].booted) == (False, True)
        await driver.mark("bad")
        assert (ground.state("B"), ground.primary) == ("bad", "A")
        await driver.mark("good")
        assert ground.state("B") == "good"


async def test_a_rauc_that_is_started_again_in_the_midst_of_an_install_is_told(
    ground: Slots, driver: rauc.Rauc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No signal comes of an install that its process did not live to end."""
    monkeypatch.setattr(rauc, "CALL_S", 1.0)
    bundle = await ground.bundle("1.1", b"release two")
    ground.hold()
    try:
        async with booted(ground, "A", driver):
            installing = asyncio.create_task(driver.install(str(bundle), "1.1"))
            await eventually(ground.held, "it waits in its last moment", 20)
        async with booted(ground, "A", driver):
            with pytest.raises(RaucError, match="rauc: "):  # where it was asked while RAUC was away, in other words
                async with asyncio.timeout(20):
                    await installing
    finally:
        ground.let_go()


async def test_a_wrong_signer_is_refused_and_no_slot_is_touched(ground: Slots, driver: rauc.Rauc) -> None:
    signer(ground.folder, "thief")
    bundle = await ground.bundle("1.1", b"evil", "thief")
    async with booted(ground, "A", driver):
        with pytest.raises(RaucError, match="is no whole bundle that this unit trusts") as refused:
            await driver.install(str(bundle), "1.1")
    assert "\n" not in str(refused.value)
    assert (ground.content("B"), ground.primary) == (b"", "A")


@pytest.mark.parametrize("at", [300, -300])
async def test_a_tampered_bundle_is_refused_and_no_slot_is_touched(ground: Slots, driver: rauc.Rauc, at: int) -> None:
    bundle = await ground.bundle("1.1", b"release two")
    bad = bytearray(bundle.read_bytes())
    bad[at] ^= 1
    bundle.write_bytes(bad)
    async with booted(ground, "A", driver):
        with pytest.raises(RaucError, match="rauc: "):
            await driver.install(str(bundle), "1.1")
    assert (ground.content("B"), ground.primary) == (b"", "A")


async def test_a_bundle_of_another_version_than_its_roll_out_is_refused(ground: Slots, driver: rauc.Rauc) -> None:
    """An older one, rightly signed, in the place of the new one."""
    bundle = await ground.bundle("0.9", b"release zero")
    async with booted(ground, "A", driver):
        with pytest.raises(RaucError, match=r"is version 0\.9, its roll-out says 1\.1"):
            await driver.install(str(bundle), "1.1")
    assert (ground.content("B"), ground.primary) == (b"", "A")


async def test_a_bundle_for_another_product_and_a_truncated_one_are_refused(ground: Slots, driver: rauc.Rauc) -> None:
    other = await ground.bundle("1.1", b"toaster", compatible="toaster")
    short = await ground.bundle("1.2", b"release")
    short.write_bytes(short.read_bytes()[:2_000])
    async with booted(ground, "A", driver):
        for bundle, version in ((other, "1.1"), (short, "1.2")):
            with pytest.raises(RaucError):
                await driver.install(str(bundle), version)
    assert (ground.content("B"), ground.primary) == (b"", "A")


async def test_without_rauc_it_is_said(driver: rauc.Rauc) -> None:
    with pytest.raises(RaucError, match="rauc: GetSlotStatus"):
        await driver.slots()


def test_slots_without_a_boot_name_are_left_out() -> None:
    one = {"bootname": ("s", "A"), "state": ("s", "booted"), "bundle.version": ("s", "1"), "boot-status": ("s", "good")}
    assert slots([("rootfs.0", one), ("data.0", {"state": ("s", "inactive")})]) == (
        rauc.Slot(name="A", booted=True, version="1", good=True),
    )
