"""How long from the first movement of PANIC's contacts (bounces and debounce included) to its file in the spool.

`python -m tests.bench.press_to_spool [PRESSES]` prints one line of JSON: `presses`, `p50_ms`,
`p90_ms`, `p99_ms`, `max_ms`. Panel service and twin are as on the bench; the spool is on the disk of FOLDER.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firmware.watch import names
from hw.panel.twin import PanelTwin

UNIT = """[panel]
pin_factory = "hdu_twin"
again_s = 0.0
[folders]
data = "{0}/data"
run = "{0}/run"
"""
BOUND_S = 5.0


@asynccontextmanager
async def panel(folder: Path) -> AsyncIterator[PanelTwin]:
    """The panel service, alone, on its twin."""
    (folder / "unit.toml").write_text(UNIT.format(folder))
    (folder / "data" / "spool").mkdir(parents=True)
    twin = PanelTwin(folder)
    await twin.start()
    environment = {**os.environ, "HDU_CONFIG": str(folder), "HDU_PANEL_TWIN": str(twin.socket)}
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware", "panel", env=environment, stderr=log
    )
    try:
        yield twin
    finally:
        process.terminate()
        await process.wait()
        await twin.close()
        log.close()


async def measure(folder: Path, presses: int) -> list[float]:
    """Seconds from each press to its file."""
    took_s: list[float] = []
    async with panel(folder) as twin:
        spool = folder / "data" / "spool"
        files = names(spool)
        await anext(files)
        await lit(twin)
        seen: set[str] = set()
        for _ in range(presses):
            took_s.append(await one(twin, files, spool, seen))
    return took_s


async def lit(twin: PanelTwin) -> None:
    """The service has taken the panel over: it shows red, since nobody has told it better."""
    end = time.monotonic() + BOUND_S
    while not twin.lamps["safe_red"].lit and time.monotonic() < end:  # noqa: ASYNC110 (a lamp is looked at)
        await asyncio.sleep(0.01)


async def one(twin: PanelTwin, files: AsyncIterator[str], spool: Path, seen: set[str]) -> float:
    """Seconds until an alert that was not `seen` is there; one file may be told of twice."""
    started = time.monotonic()
    await twin.command({"button": "panic", "action": "press"})
    async with asyncio.timeout(BOUND_S):
        while not is_panic(spool / (name := await anext(files))) or name in seen:
            pass
    seen.add(name)
    took_s = time.monotonic() - started
    await twin.command({"button": "panic", "action": "release"})
    await asyncio.sleep(twin.dice.uniform(0.1, 0.15))  # the finger's rest, not a wait for a result
    return took_s


def is_panic(file: Path) -> bool:
    return file.suffix == ".alert" and file.name[0] != "." and json.loads(file.read_bytes())["kind"] == "panic"


def table(took_s: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_s, n=100, method="inclusive")
    figures = {"p50_ms": cuts[49], "p90_ms": cuts[89], "p99_ms": cuts[98], "max_ms": max(took_s)}
    return {"presses": len(took_s), **{name: round(value * 1e3, 2) for name, value in figures.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="press_to_spool", description=__doc__)
    parser.add_argument("presses", nargs="?", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path(), help="a temporary folder is made (and removed) in it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix=".press-to-spool-") as folder:
        print(json.dumps(table(asyncio.run(measure(Path(folder).resolve(), arguments.presses)))))


if __name__ == "__main__":
    main()
