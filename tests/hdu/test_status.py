"""`hdu status`: the exit status is the verdict, and no reader is told that something unknown is good."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from firmware import bus, facts
from hdu.status import rows, text

GOOD = facts.Status(
    unit="hdu-0042",
    version="0.1.0",
    slot="A",
    at="2026-11-22T10:00:00.000Z",
    readiness=facts.Readiness(safe=True, colour="green"),
    uplinks=(facts.Uplink(name="wired", kind="ethernet", state="up", active=True, rtt_ms=12.34),),
    hub=facts.Hub(connected=True, pending_alerts=0),
)
Told = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unit(private_bus: str) -> Iterator[Callable[[str], None]]:
    """Puts a status document on the bus, as the status service does; served by a thread of its own."""
    loop, documents = asyncio.new_event_loop(), list[bus.Export[facts.Document]]()

    async def serve() -> None:
        documents.append(bus.Export(bus.connect(), "Status", facts.Document()))
        await documents[0].own()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(serve(), loop).result(10)

    def say(document: str) -> None:
        documents[0].value = facts.Document(document=document)

    yield say
    loop.call_soon_threadsafe(documents[0].bus.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert private_bus


def hdu(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hdu.cli", "status", *arguments], capture_output=True, text=True, check=False
    )


def test_a_unit_that_is_safe_is_0_in_words_and_as_json(unit: Callable[[str], None]) -> None:
    document = msgspec.json.encode(GOOD).decode()
    unit(document)
    as_json, in_words = hdu("--json"), hdu()
    assert (as_json.returncode, as_json.stdout, as_json.stderr) == (0, document + "\n", "")
    assert json.loads(as_json.stdout)["unit"] == "hdu-0042"
    assert in_words.returncode == 0
    assert "safe to take calls" in in_words.stdout and "NOT" not in in_words.stdout


@pytest.mark.parametrize("safe", [False, None])
def test_a_unit_that_is_not_known_to_be_safe_is_1(unit: Callable[[str], None], safe: bool | None) -> None:
    verdict = facts.Readiness(safe=safe, colour="red", reasons=("The headset is not plugged in.",))
    unit(msgspec.json.encode(msgspec.structs.replace(GOOD, readiness=verdict)).decode())
    done = hdu()
    assert (done.returncode, done.stderr) == (1, "")
    assert "The headset is not plugged in." in done.stdout
    assert ("NOT safe" in done.stdout) == (safe is False)


@pytest.mark.parametrize("document", ["", "{", '{"unit": 7}', "[]"])
def test_a_document_that_is_not_whole_is_1_and_one_line(unit: Callable[[str], None], document: str) -> None:
    unit(document)
    done = hdu()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hdu: the unit's status document is refused") and done.stderr.count("\n") == 1


def test_nobody_who_makes_the_document_is_1_and_one_line(private_bus: str) -> None:
    assert private_bus
    done = hdu("--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the unit does not answer" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "unknown"),
        ("", "unknown"),
        (True, "yes"),
        (False, "no"),
        (0, "0 x"),
        (0.04, "0.0 x"),
        ("wired", "wired x"),
    ],
)
def test_values_as_a_person_reads_them(value: object, words: str) -> None:
    assert text(value, " x") == words


def test_what_is_unknown_is_shown_as_unknown() -> None:
    empty = facts.Status(unit="hdu-0042", version="0", slot=None, at="")
    words = dict(rows(empty))
    assert words["verdict"] == "unknown"
    assert words["headset"] == "present unknown, unknown"
    assert words["power"] == "unknown, unknown, unknown left"
    assert words["hub"] == "connected unknown, unknown alerts waiting"
    assert words["panel"] == "panic idle, mute unknown"
