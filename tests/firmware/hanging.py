"""A service that owns its name and says one fact, as a process of its own: to be stopped in the middle of its life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.firmware.service_scene import Service, running

SCRIPT = """
import asyncio
from firmware import bus, facts
from firmware.service import Unit, run

async def body(unit: Unit) -> None:
    export = bus.Export(unit.bus, "{name}", facts.{fact})
    await export.own()
    unit.ready()
    await asyncio.Event().wait()

run(body)
"""


@asynccontextmanager
async def saying(folder: Path, name: str, fact: str) -> AsyncIterator[Service]:
    """`fact` is an expression in `firmware.facts`, such as `Power(source="mains")`."""
    script = folder / f"{name.lower()}.py"
    script.write_text(SCRIPT.format(name=name, fact=fact))
    async with running(folder, str(script)) as service:
        yield service
