"""The bench's page as a person uses it, in headless Chromium."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.conftest import ROOT, Client
from tests.bench.test_self_test import environment, hdu

pytestmark = [pytest.mark.bench, pytest.mark.xdist_group("bench")]
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
BOUND_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not shutil.which("chromium"):
        pytest.skip("needs Debian's chromium: unpacked by bench/machine/prepare with packages-test.txt")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET])
        yield opened
        opened.close()


@pytest.fixture
def page(bench: Client, browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1700, "height": 1300})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(BOUND_MS)
    opened.goto(bench.root)
    opened.wait_for_selector("#facts dd")
    yield opened
    opened.close()
    assert errors == []


def test_panic_is_pressed_with_the_mouse_and_answered_in_the_console(page: Any, bench: Client) -> None:
    page.locator(".press.panic").click(delay=120)
    page.wait_for_selector('#lamp-panic[data-pattern="slow"]')
    console = page.frame_locator("#console iframe")
    console.locator("text=PANIC").first.wait_for()
    (id,) = bench.until("one open alert", bench.open_alerts)
    bench.post("/hub/acknowledge", {"alert": id, "by": "Kim"})
    page.wait_for_selector('#lamp-panic[data-pattern="on"]')
    assert "answered" in page.inner_text("#panel-words")


def test_a_cable_is_pulled_with_the_mouse_and_the_unit_moves(page: Any) -> None:
    page.locator("#twins fieldset", has_text="Uplink wired2").get_by_text("cable out").click()
    page.locator("#twins fieldset").filter(has=page.locator("legend", has_text="Uplink wired")).first.get_by_text(
        "cable out"
    ).click()
    page.wait_for_function("document.querySelector('#facts').innerText.match(/lte\\s+up\\s*in use/)")


def test_every_fault_and_decision_is_marked_whoever_made_it(page: Any, bench: Client) -> None:
    """Not only what this page's own buttons did: the handles and another page leave their marks, too."""
    active = next(each["name"] for each in bench.get("/unit.json")["uplinks"] if each["active"])
    for name, fault, words in (
        ("lte", {"loss": 0.3}, "lte: loss 30 %"),
        ("lte", {"heal": True}, "lte: well"),
        (active, {"blackhole": "up"}, f"{active}: blackhole up"),
        ("hub", {"cable": False}, "hub: cable out"),
        ("hub", {"heal": True}, "hub: well"),
    ):
        bench.post(f"/twin/uplink/{name}", fault)
        page.wait_for_function("(words) => Plot.marked().includes(words)", arg=words)
    page.wait_for_function("Plot.marked().some((words) => words.startsWith('→'))")


def test_the_headset_is_pulled_out_and_its_own_button_pressed_with_the_mouse(page: Any, bench: Client) -> None:
    headset = page.locator("#twins fieldset").filter(has=page.locator("legend", has_text="Headset"))
    headset.get_by_text("its own mute").click()
    bench.until("muted and proven", lambda: bench.get("/unit.json")["panel"]["mute"] == "muted")
    page.wait_for_selector('#lamp-mute[data-pattern="on"]')
    headset.get_by_text("its own mute").click()
    bench.until("live", lambda: bench.get("/unit.json")["panel"]["mute"] == "live")
    headset.get_by_text("unplugged").click()
    bench.until("gone", lambda: bench.get("/unit.json")["headset"]["present"] is False)


def test_a_bench_that_does_not_answer_is_said_until_it_does(page: Any) -> None:
    """In one turn of the page's loop: the next event may be there at once."""
    broken = "() => { events.dispatchEvent(new Event('error')); return at('stale').checkVisibility(); }"
    assert page.evaluate(broken)
    page.wait_for_selector("#stale", state="hidden")


def test_both_pages_say_what_an_acceptance_asks_of_whoever_is_at_the_unit(page: Any, bench: Client) -> None:
    """Begun from a terminal that is then lost: the walk is the unit's, and the hands are here."""
    viewer = begun_acceptance(bench)
    try:
        page.wait_for_function("document.querySelector('#facts').innerText.includes('Press MUTE once.')")
        viewer.kill()
        viewer.wait()
        card = page.frame_locator("#console iframe").locator(".accepting")
        card.get_by_text("Press MUTE once.").wait_for()
        page.locator(".press.mute").click(delay=120)
        card.get_by_text("Press MUTE again.").wait_for()
        page.locator(".press.mute").click(delay=120)
        card.get_by_text("Then press ASSIST briefly.").wait_for()
    finally:
        assert hdu(bench, "selftest", "--stop")[0] == 0
    card.get_by_text("Ended without a report").wait_for()
    assert bench.get("/unit.json")["acceptance"]["reason"] == "it was stopped"


def begun_acceptance(bench: Client) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hdu.cli", "selftest", "--acceptance", "--technician", "Sam Field", "--to", "-"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(bench), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
