"""The handle on central IT: `POST /twin/release`, and services that start anew with new settings.

`{"site": {"power": {"low_minutes": 30}}, "version": "2"}` publishes the unit's settings with that changed, signed, and
has the unit look at once; `{"halt": "site-2"}` stops a roll-out, `{"resume": "site-2"}` takes that back, and
`{"look": true}` shows the unit what `hdu publish` has published by hand.
"""

import asyncio
import logging
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from bench.processes import Processes, python
from firmware import configfile, watch
from firmware.config import Site
from hdu.provision import toml

PORT = 8088
log = logging.getLogger("bench")
PAIR = ("panel", "panel-standby")  # never both away: a press is taken at every moment


class Releasing:
    """The twin's contract over `bench.releases`; `look` has the unit look at once."""

    def __init__(self, folder: Path, site: Path, look: Callable[[], Awaitable[Any]]) -> None:
        self.folder, self.site, self.look = folder, site, look
        self.published: list[str] = []

    async def start(self) -> None:
        """The web server is a process of the hub's."""

    async def close(self) -> None:
        """Goes with the hub."""

    def state(self) -> dict[str, object]:
        return {"published": list(self.published)}

    async def command(self, body: dict[str, object]) -> None:
        if isinstance(body.get("site"), dict) and isinstance(body.get("version"), str):
            await self._publish(body["site"], str(body["version"]), body.get("urgent", True) is True)  # type: ignore[arg-type]
        elif isinstance(body.get("halt"), str):
            await self._run("", "halt", str(self.folder), str(body["halt"]))
        elif isinstance(body.get("resume"), str):
            await self._run("", "resume", str(self.folder), str(body["resume"]))
        elif body.get("look") is not True:
            raise ValueError(
                'release: send {"site": {}, "version": "2"}, {"halt": ID}, {"resume": ID} or {"look": true}'
            )
        await self.look()

    async def _publish(self, changes: dict[str, Any], version: str, urgent: bool) -> None:
        settings = tomllib.loads(self.site.read_text())
        for section, values in changes.items():
            if not isinstance(values, dict):
                raise ValueError(f"release: {section} is no section of site.toml; see hdu config show")
            settings.setdefault(section, {}).update(values)
        faults: list[str] = []
        configfile.parse(Site, settings, "site.toml", faults)
        if faults:
            raise ValueError(faults[0])
        await self._run(toml.text(settings), "site", str(self.folder), version, *(["--urgent"] if urgent else []))
        self.published.append(f"site-{version}")

    async def _run(self, given: str, *words: str) -> None:
        child = await asyncio.create_subprocess_exec(
            *python("bench.releases", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await child.communicate(given.encode())
        if child.returncode:
            raise ValueError(f"release: {(said.decode().strip().splitlines() or ['failed'])[-1]}")


async def keep_settled(site: Path, processes: Processes, services: Sequence[str]) -> None:
    """Starts every service anew when `site.toml` changes, as the unit's systemd does; for ever."""
    known = site.read_bytes()
    async for _ in watch.names(site.parent):
        now = site.read_bytes()
        if now == known:
            continue
        known = now
        for name in PAIR:
            await restart(processes, name)
        await asyncio.gather(*(restart(processes, name) for name in services if name not in PAIR))


async def restart(processes: Processes, name: str) -> None:
    """Returns when it serves again, or after a minute: the next change then tries once more."""
    process = processes.all.get(name)
    if process is None or process.child is None or process.pid is None:
        return
    process.is_ready.clear()
    process.child.terminate()
    try:
        await process.ready(60)
    except TimeoutError as error:
        log.error("%s", error)
