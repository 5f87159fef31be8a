"""The battery hat's twin: whole files, honest physics, bad input refused."""

import asyncio
from pathlib import Path

import pytest

from firmware.drivers.power_supply import PowerSupply
from hw.power.pack import LEAD, LFP, NMC, Pack, along
from hw.power.twin import PowerTwin


@pytest.mark.parametrize(
    "body",
    [
        {"mains": 1},
        {"percent": -1},
        {"percent": True},
        {"percent": "42"},
        {"voltage_v": 61},
        {"flicker_ms": 0},
        {"speed": 1e9},
        {"fire": True},
        {"mains": False, "percent": 251},
    ],
)
async def test_bad_input_is_refused_in_one_line_and_changes_nothing(tmp_path: Path, body: dict[str, object]) -> None:
    twin = PowerTwin(tmp_path)
    await twin.start()
    before = twin.state()
    with pytest.raises(ValueError, match=r"^power: [^\n]+$"):
        await twin.command(body)
    assert twin.state() == before
    await twin.close()


async def test_a_reader_never_sees_half_a_value(tmp_path: Path) -> None:
    twin = PowerTwin(tmp_path)
    await twin.start()
    supply = PowerSupply(twin.root)

    def read() -> None:
        for now in range(2000):
            said = supply.read(float(now))
            assert said.mains is not None and said.percent is not None and said.voltage_v is not None

    reading = asyncio.create_task(asyncio.to_thread(read))
    while not reading.done():
        await twin.command({"mains": not twin.mains, "percent": 42})
        await asyncio.sleep(0)
    await reading
    await twin.close()
    assert not list(tmp_path.rglob("*"))


async def test_it_says_what_it_was_told_and_heals(tmp_path: Path) -> None:
    twin = PowerTwin(tmp_path)
    await twin.start()
    await twin.command({"mains": False, "percent": 42})
    said = PowerSupply(twin.root).read(0.0)
    assert (said.mains, said.percent) == (False, 42.0) and said.current_a and said.current_a > 0
    await twin.command({"lying": True})
    assert PowerSupply(twin.root).read(0.0).percent == 17.0 and twin.state()["percent"] == 42.0
    await twin.command({"percent": 120, "lying": False})
    assert PowerSupply(twin.root).read(0.0).percent == 120.0
    await twin.command({"heal": True})
    said = PowerSupply(twin.root).read(0.0)
    assert (said.mains, said.percent) == (True, 100.0)
    await twin.close()


@pytest.mark.parametrize("curve", [NMC, LFP, LEAD])
def test_a_curve_only_rises_with_charge(curve: tuple[tuple[float, float], ...]) -> None:
    volts = [along(curve, share / 100) for share in range(101)]
    assert volts == sorted(volts)


def test_a_pack_gives_its_energy_and_no_more() -> None:
    pack, seconds = Pack(), 0.0
    while not pack.dead:
        pack, seconds = pack.discharge(10), seconds + 10
    given_wh = pack.load_w * seconds / 3600
    assert 0.9 * pack.capacity_wh < given_wh < pack.capacity_wh
    assert Pack().minutes_left() == pytest.approx(seconds / 60, abs=0.5)
    assert pack.recharge(60).charge > pack.charge
