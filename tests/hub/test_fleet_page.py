"""The roll-out page on the real console and broker, with a real repository; in headless Chromium."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from firmware import facts
from hub.console.fleet_page import document, runs
from hub.console.messages import StatusSaid
from hub.console.times import rfc3339
from hub.console.view import View, take
from hub.updates.published import roll_outs
from tests.hub.conftest import UNITS, Broker, free_port, running_console
from tests.hub.test_page import CHROMIUM, chromium
from tests.hub.updates.conftest import Agency

OUT = 'id = "{id}"\ntarget = "bundles/{id}.raucb"\nversion = "{version}"\n[percent]\ncanary = 100\nearly = 25\n'
NOW_S = 1_790_000_000.0


def update(number: int, proven: float, failed: float) -> facts.Update:
    """The `number`-th of a hundred units, of which these fractions have proved the release or gone back."""
    ring = "canary" if number < 10 else "early" if number < 40 else "all"
    place = number % 10 / 10
    if ring != "canary" or place >= proven + failed:
        return facts.Update(ring=ring, proven=True, site="4", site_proven=True, reason="outside the window 1 to 5 UTC")
    if place < failed:
        return facts.Update(
            ring=ring,
            proven=True,
            failed_kind="bundle",
            failed_version="1.4",
            failed="the headset does not open",
            site="4",
            site_proven=True,
        )
    return facts.Update(ring=ring, proven=None if place < failed + 0.15 else True, site="4", site_proven=True)


def status(number: int, proven: float, failed: float, at_s: float) -> facts.Status:
    said = update(number, proven, failed)
    new = said.ring == "canary" and not said.failed_version and not said.reason
    return facts.Status(
        unit=f"hdu-{number:04}", version="1.4" if new else "1.3", slot="B", at=rfc3339(at_s), update=said
    )


def fleet_of(units: int, proven: float, failed: float) -> View:
    view = View()
    for number in range(units):
        said = status(number, proven, failed, NOW_S)
        view = take(view, StatusSaid(said.unit, said), NOW_S)
    return view


@pytest.fixture
def published(tmp_path: Path) -> Agency:
    agency = Agency(tmp_path / "agency")
    agency.ceremony()
    files: dict[str, bytes] = {}
    for id, version in (("hdu-1.4", "1.4"), ("hdu-1.3", "1.3")):
        files |= {f"bundles/{id}.raucb": b"x", f"rollouts/{id}": OUT.format(id=id, version=version).encode()}
    agency.release(files)
    return agency


def test_the_document_counts_each_ring_by_what_was_booted_and_proved(published: Agency) -> None:
    found = document(runs(fleet_of(100, 0.6, 0.2)), published.public, NOW_S)
    newest = found.roll_outs[0]
    canary = newest.rings[0]
    assert (newest.id, canary.units, canary.proven + canary.unproven, canary.failed) == ("hdu-1.4", 10, 6, 2)
    assert newest.failures == [("the headset does not open", 2)] and newest.halted is None and newest.stop == ""
    assert [each.id for each in found.roll_outs] == ["hdu-1.4", "hdu-1.3"] and found.trouble == ""


def test_a_stopped_roll_out_says_why(published: Agency) -> None:
    published.repository().halt(published.online, "hdu-1.4", "canary: 3 of 9 rolled back")
    assert {each.roll_out.id: each.halted for each in roll_outs(published.public)} == {
        "hdu-1.4": "canary: 3 of 9 rolled back",
        "hdu-1.3": None,
    }


def test_a_roll_out_past_its_limit_is_told_to_stop_and_goes_nowhere(published: Agency) -> None:
    (newest, _) = document(runs(fleet_of(100, 0.5, 0.4)), published.public, NOW_S).roll_outs
    assert newest.stop.startswith("canary: 4 of ") and newest.next is None


def test_without_a_repository_or_with_a_torn_one_it_is_said(tmp_path: Path, published: Agency) -> None:
    assert "was not told" in document([], None, NOW_S).trouble
    assert document([], tmp_path / "nothing", NOW_S).roll_outs == []
    (published.public / "metadata/1.targets.json").write_text("{")
    assert "cannot be read" in document([], published.public, NOW_S).trouble


@pytest.fixture
async def address(tmp_path: Path, real_broker: Broker, published: Agency) -> AsyncIterator[str]:
    """A console that knows the repository, and two units that have said how they are."""
    port = free_port()
    words = ("--port", str(port), "--updates", str(published.public))
    async with running_console(tmp_path, real_broker, *words):
        root = f"http://127.0.0.1:{port}"
        for number, name in enumerate(UNITS):
            said = msgspec.structs.replace(status(number, 0.8, 0.1, time.time()), unit=name)
            async with real_broker.unit(name) as unit:
                await unit.publish(f"hdu/v1/{name}/status", msgspec.json.encode(said), qos=1, retain=True)
        async with aiohttp.ClientSession() as http:
            await until_known(http, root)
        yield root


async def until_known(http: aiohttp.ClientSession, root: str) -> Any:
    for _ in range(500):
        try:
            async with http.get(f"{root}/fleet.json") as answer:
                if len((found := await answer.json())["units"]) == len(UNITS):
                    return found
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.02)
    raise AssertionError("the console does not know the units")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which(CHROMIUM), reason="chromium is not here; run inside bench/machine/enter")
async def test_the_page_shows_each_ring_and_is_worked_by_keyboard(address: str, published: Agency) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        await page.goto(f"{address}/fleet")
        bar = page.locator('[role="progressbar"][aria-label="ring canary"]')
        await bar.wait_for()
        assert await bar.get_attribute("aria-valuetext") == "0 of 2 units proven, 1 failed"
        assert await page.locator("#name").inner_text() == "hdu-1.4"
        assert "the headset does not open" in await page.locator("#failures").inner_text()
        await page.keyboard.press("ArrowDown")
        assert await page.locator("#name").inner_text() == "hdu-1.3"
        await page.keyboard.press("ArrowUp")
        assert await page.locator("tbody tr").count() == 1
        await page.keyboard.press("a")
        assert await page.locator("tbody tr").count() == 2
        published.repository().halt(published.online, "hdu-1.4", "canary: 3 rolled back")
        await page.locator("#state", has_text="Stopped: canary: 3 rolled back").wait_for()
        assert "hdu publish resume" in await page.locator("#advice").inner_text()
        if keep := os.environ.get("HDU_SCREENSHOTS"):
            await page.screenshot(path=f"{keep}/fleet.png")
        assert wrong == []
