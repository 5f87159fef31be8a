"""The supervisors' page in headless Chromium, on the real console, broker and unit."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import aiomqtt
import msgspec
import pytest
from aiohttp import web
from ulid import ULID

from firmware import facts
from hub.console.times import rfc3339
from tests.hub.conftest import UNITS, Broker, free_port, running_console, until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]
pytestmark = [
    pytest.mark.skipif(not shutil.which(CHROMIUM), reason="chromium is not here; run inside bench/machine/enter"),
    pytest.mark.slow,
]
NAME = "Ana Ruiz"


@asynccontextmanager
async def chromium() -> AsyncIterator["Browser"]:
    from playwright.async_api import async_playwright

    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Desk:
    """A supervisor's page, and a unit that calls."""

    page: "Page"
    unit: aiomqtt.Client
    broker: Broker
    address: str

    async def raise_alert(self, kind: facts.AlertKind = "panic", age_s: float = 0.0) -> str:
        id = str(ULID())
        raised = facts.Alert(
            id=id, unit=UNITS[0], kind=kind, raised_at=rfc3339(time.time() - age_s), attempt=1, via="wired"
        )
        await self.say(f"alert/{id}", msgspec.json.encode(raised))
        await self.card(id).wait_for()
        return id

    async def say(self, leaf: str, payload: bytes) -> None:
        await self.unit.publish(f"hdu/v1/{UNITS[0]}/{leaf}", payload, qos=1, retain=True)

    def card(self, id: str) -> Any:
        return self.page.locator(f'.alert[data-key="{id}"]')

    def answered(self, id: str) -> Any:
        return self.page.locator(f'#answered li[data-key="{id}"]')

    async def told(self, where: str, text: str) -> None:
        """Waits until the element `where` says `text`."""
        await self.page.locator(where, has_text=text).wait_for(state="attached")

    async def sounded(self, times: int) -> None:
        """Waits until the tone was played `times` times."""
        async with asyncio.timeout(10):
            while int(await self.page.evaluate("document.body.dataset.sounded")) < times:
                await self.page.wait_for_timeout(50)

    async def give_name(self) -> None:
        await self.page.fill("#name", NAME)
        await self.page.keyboard.press("Enter")


@pytest.fixture
async def desk(tmp_path: Path, real_broker: Broker) -> AsyncIterator[Desk]:
    port = free_port()
    async with (
        running_console(tmp_path, real_broker, "--port", str(port)),
        real_broker.unit() as unit,
        chromium() as browser,
    ):
        address = f"http://127.0.0.1:{port}/"
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        page.set_default_timeout(10_000)
        await until(lambda: not _closed(port), "the console listens")
        await page.goto(address)
        made = Desk(page, unit, real_broker, address)
        await made.told("#none", "No open alerts")
        yield made


def _closed(port: int) -> int:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port))


async def test_an_alert_comes_by_itself_and_its_age_counts(desk: Desk) -> None:
    id = await desk.raise_alert(age_s=75)
    card = desk.card(id)
    assert await card.locator(".kind").inner_text() == "PANIC"
    assert await card.locator(".unit").inner_text() == UNITS[0]
    assert "via wired" in await card.locator(".how").inner_text()
    assert await card.locator(".age").inner_text() in ("1:15", "1:16", "1:17", "1:18")
    before = await card.locator(".age").inner_text()
    await card.locator(".age", has_not_text=before).wait_for()
    assert await card.locator(".age").inner_text() > before
    await desk.told("#spoken", f"Panic from {UNITS[0]}")
    assert await desk.page.title() == f"(1) Panic, {UNITS[0]}"
    assert not await desk.page.locator("#none").is_visible()


async def test_one_click_and_a_name_answer_it(desk: Desk) -> None:
    """The name is asked once and kept."""
    first, second = await desk.raise_alert(), await desk.raise_alert("assist")
    await desk.card(first).locator(".acknowledge").click()
    await desk.give_name()
    await desk.card(first).wait_for(state="detached")
    assert NAME in await desk.answered(first).inner_text()
    await desk.page.reload()
    await desk.card(second).locator(".acknowledge").click()
    await desk.card(second).wait_for(state="detached")
    assert NAME in await desk.answered(second).inner_text()
    assert NAME in await desk.page.locator("#who").inner_text()
    assert await desk.page.locator("#none").is_visible()


@pytest.mark.parametrize("key", ["A", "Enter"])
async def test_a_key_answers_the_oldest(desk: Desk, key: str) -> None:
    await desk.page.evaluate("localStorage.setItem('supervisor', 'Ana Ruiz')")
    await desk.page.reload()
    older, newer = await desk.raise_alert(age_s=60), await desk.raise_alert()
    await desk.page.keyboard.press(key)
    await desk.card(older).wait_for(state="detached")
    assert await desk.card(newer).is_visible()


async def test_arrows_select_which_one_is_answered(desk: Desk) -> None:
    await desk.page.click("#who")
    await desk.give_name()
    older, newer = await desk.raise_alert(age_s=60), await desk.raise_alert()
    assert await desk.card(older).get_attribute("aria-current") == "true"
    await desk.page.keyboard.press("ArrowDown")
    assert await desk.card(newer).get_attribute("aria-current") == "true"
    await desk.page.keyboard.press("a")
    await desk.card(newer).wait_for(state="detached")
    assert await desk.card(older).is_visible()


async def test_nothing_is_answered_without_a_name(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    id = await desk.raise_alert()
    await desk.page.keyboard.press("a")
    await desk.page.locator("#name").wait_for()
    await desk.page.keyboard.press("Escape")
    await desk.page.locator("#naming").wait_for(state="hidden")
    await desk.raise_alert()
    assert not [address for address in asked if "acknowledge" in address]
    assert await desk.card(id).locator(".acknowledge").is_enabled()
    assert not desk.broker.stored(f"ack/{id}".encode())


async def test_a_lost_broker_is_said_and_no_answer_is_pretended(desk: Desk) -> None:
    await desk.say("online", b"true")
    await desk.told(".card .online", "Online")
    await desk.page.click("#who")
    await desk.give_name()
    id = await desk.raise_alert()
    desk.broker.kill()
    await desk.told("#banner", "lost the broker")
    await desk.told(".card .online", "Not known")
    await desk.page.keyboard.press("a")
    await desk.card(id).locator(".trouble", has_text="Not acknowledged").wait_for()
    assert await desk.card(id).locator(".acknowledge").is_enabled()


async def test_a_stale_page_does_not_look_well(tmp_path: Path, real_broker: Broker) -> None:
    """The console itself is gone: nothing on the page is known any more; it comes back by itself."""
    port = free_port()
    status = facts.Status(
        unit=UNITS[0], version="0.1.0", slot="A", at=rfc3339(time.time()), readiness=facts.Readiness(safe=True)
    )
    async with real_broker.unit() as unit, chromium() as browser:
        await unit.publish(f"hdu/v1/{UNITS[0]}/online", b"true", qos=1, retain=True)
        await unit.publish(f"hdu/v1/{UNITS[0]}/status", msgspec.json.encode(status), qos=1, retain=True)
        page = await browser.new_page()
        async with running_console(tmp_path, real_broker, "--port", str(port)):
            await until(lambda: not _closed(port), "the console listens")
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.locator('.card[data-look="well"] .verdict', has_text="Fit").wait_for()
        await page.locator("#banner", has_text="No connection to the console").wait_for(timeout=10_000)
        await page.locator('.card[data-look="unknown"] .verdict', has_text="Unknown").wait_for()
        assert await page.locator("#summary").inner_text() == "Not live"
        async with running_console(tmp_path, real_broker, "--port", str(port)):
            await page.locator('.card[data-look="well"]').wait_for(timeout=15_000)
            await page.locator("#banner").wait_for(state="hidden")


async def test_the_page_works_wherever_it_is_mounted(tmp_path: Path, real_broker: Broker) -> None:
    async with (
        running_console(tmp_path, real_broker) as where,
        mounted("/agency/console/", where) as address,
        real_broker.unit() as unit,
        chromium() as browser,
    ):
        page = await browser.new_page()
        await page.goto(address)
        desk = Desk(page, unit, real_broker, address)
        await desk.told("#none", "No open alerts")
        id = await desk.raise_alert()
        await page.keyboard.press("a")
        await desk.give_name()
        await desk.answered(id).wait_for()


@asynccontextmanager
async def mounted(path: str, console: Path) -> AsyncIterator[str]:
    """The console's socket under `path` of an HTTP server, as a proxy in front of it would; the address."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(console))) as http:

        async def forward(request: web.Request) -> web.StreamResponse:
            there = f"http://console/{request.match_info['rest']}"
            async with http.request(request.method, there, data=await request.read()) as answer:
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
                await response.prepare(request)
                async for part in answer.content.iter_any():
                    await response.write(part)
                return response

        app = web.Application()
        app.router.add_route("*", path + "{rest:.*}", forward)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}{path}"
        await runner.cleanup()


async def test_sound_goes_on_until_muted_and_a_new_alert_sounds_again(desk: Desk) -> None:
    await desk.raise_alert()
    await desk.page.click("h1")
    await desk.told("#sound", "Sound on")
    await desk.sounded(2)
    await desk.page.keyboard.press("m")
    await desk.told("#sound", "Muted until the next alert")
    count = int(await desk.page.evaluate("document.body.dataset.sounded"))
    await desk.raise_alert()
    await desk.told("#sound", "Sound on")
    await desk.sounded(count + 1)


async def test_blocked_sound_is_said(desk: Desk) -> None:
    """Before the first touch a browser may hold sound back."""
    await desk.told("#sound", "Enable sound")
    await desk.page.click("#sound")
    await desk.told("#sound", "Sound on")


async def test_what_the_page_says_of_a_unit(desk: Desk) -> None:
    uplinks = (
        facts.Uplink(name="wired", kind="ethernet", state="down", reason="no carrier"),
        facts.Uplink(name="lte", kind="lte", state="up", active=True, rtt_ms=43.2, loss=0.0),
    )
    status = facts.Status(
        unit=UNITS[0],
        version="0.1.0",
        slot="A",
        at=rfc3339(time.time()),
        readiness=facts.Readiness(safe=False, reasons=("headset absent",)),
        uplinks=uplinks,
        power=facts.Power(source="battery", percent=42, minutes_left=18, state="on-battery"),
    )
    await desk.say("online", b"true")
    await desk.say("status", msgspec.json.encode(status))
    await desk.told(".verdict", "Not fit")
    said = await desk.page.locator(".card").inner_text()
    for part in ["Online", "headset absent", "wired: down", "LTE: up, 43 ms, in use", "Battery, 42 %, 18 min left"]:
        assert part in said
    assert "unknown" in await desk.page.locator(".card .call").inner_text()


async def status(desk: Desk, shift: facts.Shift) -> None:
    said = facts.Status(unit=UNITS[0], version="0.1.0", slot="A", at=rfc3339(time.time()), shift=shift)
    await desk.say("status", msgspec.json.encode(said))


async def test_a_dispatcher_is_signed_on_and_off(desk: Desk) -> None:
    """What the card says is what the unit said, not what was typed."""
    await desk.say("online", b"true")
    await status(desk, facts.Shift(on=False))
    await desk.told(".card .shift", "Nobody")
    await desk.unit.subscribe(f"hdu/v1/{UNITS[0]}/command/shift", qos=1)
    for typed, minutes, said in (
        ("Kim Lee", 480, facts.Shift(on=True, who="Kim Lee", until=rfc3339(time.time()))),
        ("", 0, facts.Shift(on=False)),
    ):
        await desk.page.click(".card .sign")
        if typed:
            await desk.page.fill("#signing-who", typed)
            await desk.page.fill("#signing-hours", "8")
            await desk.page.keyboard.press("Enter")
        async with asyncio.timeout(10):
            message = await anext(aiter(desk.unit.messages))
        assert isinstance(message.payload, bytes)
        order = json.loads(message.payload)
        assert order["minutes"] == minutes and order["who"] == (typed or "console")
        result = {"id": order["id"], "done": True, "words": said.until}
        await desk.unit.publish(f"hdu/v1/{UNITS[0]}/result/shift", json.dumps(result).encode(), qos=1)
        await status(desk, said)
        await desk.told(".card .shift", said.who or "Nobody")
        await desk.told(".card .sign", "Sign off" if said.on else "Sign on")


async def test_a_unit_that_refuses_a_shift_is_shown_with_its_reason(desk: Desk) -> None:
    await status(desk, facts.Shift(on=True, who="Kim", until=rfc3339(time.time())))
    await desk.told(".card .sign", "Sign off")
    await desk.page.click(".card .sign")
    await desk.told(".card .trouble", f"{UNITS[0]} did not answer; is it on line?")


async def test_a_click_survives_pushes(desk: Desk) -> None:
    """The page must not swap a button while it is being pressed."""
    await desk.page.click("#who")
    await desk.give_name()
    id = await desk.raise_alert()
    await desk.card(id).locator(".acknowledge").hover()
    await desk.page.mouse.down()
    for number in range(5):
        await desk.say("event", json.dumps({"number": number}).encode())
        await desk.say("online", b"true" if number % 2 else b"false")
        await asyncio.sleep(0.06)
    await desk.page.mouse.up()
    await desk.card(id).wait_for(state="detached")
    assert NAME in await desk.answered(id).inner_text()
