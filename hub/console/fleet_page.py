"""The roll-out page: /fleet, and /fleet.json: the fleet as its status documents and the published files tell it."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web

from firmware.release.rollout import Ring
from hub import fleet
from hub.console.times import rfc3339
from hub.console.view import View
from hub.fleet import Progress, UnitRun
from hub.updates.files import UpdatesError
from hub.updates.published import Published, roll_outs

STATIC = Path(__file__).parent / "static"


class RollOutRow(msgspec.Struct, frozen=True, kw_only=True):
    """One roll-out. `halted` is why it is stopped (null: it runs), `stop` why it must be, `next` what may be signed."""

    id: str
    kind: str
    version: str
    urgent: bool
    percent: dict[str, float]
    halted: str | None
    stop: str
    next: dict[str, float] | None
    rings: tuple[Progress, ...]
    failures: list[tuple[str, int]]


class FleetDocument(msgspec.Struct, frozen=True):
    """/fleet.json. `trouble` is why the published files could not be read (empty: they could)."""

    at: str
    roll_outs: list[RollOutRow]
    units: list[UnitRun]
    silent: list[str]
    trouble: str = ""


def runs(view: View) -> list[UnitRun]:
    """Every unit by name; one that has said nothing yet runs nothing that is known."""
    return [
        fleet.run(name, seen.status.version, seen.status.update, seen.seen_s)
        if seen.status
        else UnitRun(unit=name, version="unknown", seen_s=seen.seen_s)
        for name, seen in sorted(view.units.items())
    ]


def row(one: Published, units: list[UnitRun], now_s: float) -> RollOutRow:
    out = one.roll_out
    rings = fleet.progress(units, out, now_s)
    return RollOutRow(
        id=out.id,
        kind=out.kind,
        version=out.version,
        urgent=out.urgent,
        percent={str(ring): percent for ring, percent in out.percent.items()},
        halted=one.halted,
        stop=fleet.stop_reason(rings, out),
        next=None if one.halted is not None else _plain(fleet.next_step(rings, out)),
        rings=rings,
        failures=fleet.reasons(units, out),
    )


def _plain(step: dict[Ring, float] | None) -> dict[str, float] | None:
    return None if step is None else {str(ring): percent for ring, percent in step.items()}


def document(units: list[UnitRun], public: Path | None, now_s: float) -> FleetDocument:
    """The fleet now; `public` is the folder that the web server serves."""
    published, trouble = list[Published](), "" if public else "This console was not told where releases are published."
    try:
        published = roll_outs(public) if public else []
    except (UpdatesError, OSError) as error:
        trouble = str(error)
    silent = [each.unit for each in units if each.seen_s is None or now_s - each.seen_s > fleet.SILENT_S]
    return FleetDocument(rfc3339(now_s), [row(each, units, now_s) for each in published], units, silent, trouble)


class FleetPage:
    def __init__(self, view: Callable[[], View], public: Path | None) -> None:
        self.view, self.public = view, public

    async def page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "fleet.html")

    async def json(self, _: web.Request) -> web.Response:
        body = msgspec.json.encode(document(runs(self.view()), self.public, time.time()))
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
