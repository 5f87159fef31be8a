"""The shift in the readiness service: a lease that is kept over a death, ends by itself, and never outlives a day."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import bus, facts, kept
from firmware.clock import rfc3339
from firmware.shift import LONGEST_MINUTES, Lease, lease, left_s
from tests.firmware.conftest import Followed
from tests.firmware.service_scene import Service, eventually, running
from tests.firmware.test_readiness import configured

Follow = Callable[[str, type], Followed]


@given(until_s=st.floats(-1e12, 1e12), now_s=st.floats(-1e12, 1e12))
def test_no_clock_makes_a_shift_last_over_a_day(until_s: float, now_s: float) -> None:
    assert left_s(Lease("Kim", until_s), now_s) <= 60 * LONGEST_MINUTES


@given(minutes=st.integers(1, LONGEST_MINUTES), now_s=st.floats(0, 1e10))
def test_a_lease_lasts_as_long_as_was_asked(minutes: int, now_s: float) -> None:
    assert left_s(lease(" Kim  Lee ", minutes, now_s), now_s) == pytest.approx(60 * minutes, abs=0.01)


@pytest.mark.parametrize(
    ("who", "minutes"), [("", 60), ("  ", 60), ("K\x00", 60), ("K" * 81, 60), ("Kim", 0), ("Kim", -5), ("Kim", 1_441)]
)
def test_what_is_no_name_or_no_shift_is_refused_in_words(who: str, minutes: int) -> None:
    with pytest.raises(ValueError, match=r"^shift: "):
        lease(who, minutes, 0.0)


async def sign_on(system_bus: Any, who: str, minutes: int) -> str:
    return str(await bus.call(system_bus, "Shift", "SignOn", "sx", who, minutes))


async def known(told: Followed, on: bool, service: Service) -> facts.Shift:
    await eventually(lambda: told.now and told.now.on is on, f"the shift is {on}: {service.words()}")
    shift: facts.Shift = told.now
    return shift


async def test_signing_on_and_off(tmp_path: Path, system_bus: Any, follow: Follow) -> None:
    told = follow("Shift", facts.Shift)
    async with running(configured(tmp_path), "firmware.readiness") as service:
        assert await known(told, False, service) == facts.Shift(on=False)
        until = await sign_on(system_bus, "Kim", 480)
        assert await known(told, True, service) == facts.Shift(on=True, who="Kim", until=until)
        assert rfc3339(time.time() + 479 * 60) < until <= rfc3339(time.time() + 480 * 60)
        with pytest.raises(bus.BusError, match="minutes is no shift"):
            await sign_on(system_bus, "Lee", 0)
        assert told.now.who == "Kim"
        await bus.call(system_bus, "Shift", "SignOff")
        await known(told, False, service)


async def test_a_shift_outlives_a_death_of_its_service(tmp_path: Path, system_bus: Any, follow: Follow) -> None:
    told = follow("Shift", facts.Shift)
    async with running(configured(tmp_path), "firmware.readiness") as service:
        await known(told, False, service)
        await sign_on(system_bus, "Kim", 60)
        await service.kill()
        await eventually(lambda: told.now is None, "nobody knows while it is dead")
        await service.start()
        assert (await known(told, True, service)).who == "Kim"


async def test_a_shift_ends_by_itself_and_stays_ended(tmp_path: Path, follow: Follow) -> None:
    told = follow("Shift", facts.Shift)
    (configured(tmp_path) / "data").mkdir()
    file = tmp_path / "data/shift.json"
    file.write_bytes(kept.seal(Lease("Kim", time.time() + 3)))
    async with running(tmp_path, "firmware.readiness") as service:
        await known(told, True, service)
        await known(told, False, service)
        assert not file.exists()


async def test_a_damaged_file_is_told_and_is_no_shift(tmp_path: Path, follow: Follow) -> None:
    told = follow("Shift", facts.Shift)
    (configured(tmp_path) / "data").mkdir()
    (tmp_path / "data/shift.json").write_bytes(kept.seal(Lease("Kim", 9e9)).replace(b"Kim", b"Kin"))
    async with running(tmp_path, "firmware.readiness") as service:
        await known(told, False, service)
        assert "sign on again" in service.words()
