"""The readiness service over a status that says well, hangs, dies and says nonsense: green only while it is so."""

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from firmware import bus, facts
from tests.firmware.conftest import Followed
from tests.firmware.hanging import saying
from tests.firmware.service_scene import eventually, running
from tests.firmware.test_verdict import GOOD

SELF = "This unit does not know its own state."


def is_shown(said: Followed, colour: str) -> bool:
    return said.now is not None and said.now.colour == colour


def configured(folder: Path) -> Path:
    (folder / "unit.toml").write_text(f'[folders]\ndata = "{folder}/data"\nrun = "{folder}/run"\n')
    return folder


async def test_a_status_that_hangs_is_red_within_two_seconds(
    tmp_path: Path, follow: Callable[[str, type], Followed]
) -> None:
    document = msgspec.json.encode(GOOD).decode()
    said = follow("Readiness", facts.Readiness)
    async with (
        saying(configured(tmp_path), "Status", f"Document(document={document!r})") as status,
        running(tmp_path, "firmware.readiness"),
    ):
        await eventually(lambda: said.now and said.now.colour == "green", "green")
        began = time.monotonic()
        status.signal(signal.SIGSTOP)
        await eventually(lambda: said.now.colour == "red", "red")
        assert time.monotonic() - began < 2 and said.now.reasons == (SELF,) and said.now.safe is None
        status.signal(signal.SIGCONT)
        await eventually(lambda: said.now.colour == "green", "green again")
        await status.kill()
        await eventually(lambda: said.now.reasons == (SELF,), "a status that died")


async def test_the_verdict_follows_the_fact_and_goes_back_by_itself(
    tmp_path: Path, system_bus: Any, follow: Callable[[str, type], Followed]
) -> None:
    status = bus.Export(system_bus, "Status", facts.Document(document=msgspec.json.encode(GOOD).decode()))
    await status.own()
    said = follow("Readiness", facts.Readiness)
    async with running(configured(tmp_path), "firmware.readiness"):
        await eventually(lambda: said.now and said.now.colour == "green", "green")
        for worse, colour in (
            (replace(GOOD, hub=replace(GOOD.hub, connected=False)), "red"),
            (replace(GOOD, clock=facts.Clock()), "amber"),
        ):
            status.set(facts.Document(document=msgspec.json.encode(worse).decode()))
            await eventually(partial(is_shown, said, colour), colour)
            status.set(facts.Document(document=msgspec.json.encode(GOOD).decode()))
            await eventually(lambda: said.now.colour == "green", "green again, though nothing more is said")
        status.set(facts.Document(document="{"))
        await eventually(lambda: said.now.reasons == (SELF,), "nonsense is unknown")
