"""The bench's handles over HTTP: what people, scripts and acceptance checks hold on to. See `docs/bench.md`."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, UnixConnector, web

from bench.processes import Processes
from bench.unit_view import UnitView
from hw.twin import Twin

STATIC = Path(__file__).parent / "static"
EVENTS_S = 0.1
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def one_line_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bad input is 400 with one line saying what was wrong; a part that is away is 503 with its name."""
    try:
        return await handler(request)
    except (ValueError, KeyError) as error:
        return web.Response(status=400, text=f"{error.args[0] if error.args else error}\n")
    except (ProcessLookupError, ConnectionError, TimeoutError, ClientError) as error:
        return web.Response(status=503, text=f"{error}\n")


async def body(request: web.Request) -> dict[str, object]:
    """The request's JSON object; ValueError for anything else."""
    try:
        found = json.loads(await request.text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"body: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError('body: send a JSON object, such as {"heal": true}')
    return found


def _only(given: Mapping[str, object], **allowed: tuple[object, ...]) -> None:
    for key, values in allowed.items():
        if given.get(key) not in values:
            raise ValueError(f"{key}: {given.get(key)!r} is not one of {', '.join(map(str, values))}")


class Handles:
    """The routes over the twins, the processes, the unit's own status and the hub's console."""

    def __init__(self, twins: Mapping[str, Twin], processes: Processes, unit: UnitView, console: Path) -> None:
        self.twins, self.processes, self.unit, self.console = twins, processes, unit, console
        self.closing = asyncio.Event()
        self.marks: list[dict[str, object]] = []

    def application(self) -> web.Application:
        app = web.Application(middlewares=[one_line_errors])
        app.add_routes(
            [
                web.get("/", self.page),
                web.static("/static", STATIC),
                web.get("/unit.json", self.unit_json),
                web.get("/events", self.events),
                web.get("/probe.json", self.probe),
                web.post("/probe/restart", self.restart_probe),
                web.get("/processes.json", self.processes_json),
                web.get("/twin/{name}", self.read_twin),
                web.post("/twin/process", self.process),
                web.post("/twin/uplink/{uplink}", self.uplink),
                web.post("/twin/{name}", self.write_twin),
                web.post("/unit/call", self.unit_call),
                web.get("/hub.json", self.to_console),
                web.post("/hub/acknowledge", self.to_console),
                web.post("/hub/shift", self.to_console),
                web.route("*", "/console/{path:.*}", self.to_console),
                web.get("/console", self.console_page),
            ]
        )
        return app

    async def page(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def console_page(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/console/")

    async def unit_json(self, _: web.Request) -> web.Response:
        return web.Response(text=await self.unit.document(), content_type="application/json")

    def twin(self, name: str) -> Twin:
        if name not in self.twins:
            raise ValueError(f"twin: {name} is not one of {', '.join(self.twins)}")
        return self.twins[name]

    async def probe(self, _: web.Request) -> web.Response:
        return web.json_response(self.twin("probe").state())

    async def processes_json(self, _: web.Request) -> web.Response:
        """Every process by name: its id on the bench (null between two lives) and how often it was started."""
        found = {name: {"pid": each.pid, "starts": each.starts} for name, each in self.processes.all.items()}
        return web.json_response(found)

    async def read_twin(self, request: web.Request) -> web.Response:
        return web.json_response(self.twin(request.match_info["name"]).state())

    async def restart_probe(self, _: web.Request) -> web.Response:
        return await self._command("probe", {"restart": True})

    async def write_twin(self, request: web.Request) -> web.Response:
        return await self._command(request.match_info["name"], await body(request))

    async def uplink(self, request: web.Request) -> web.Response:
        return await self._command("uplink", {**await body(request), "name": request.match_info["uplink"]})

    async def _command(self, name: str, command: dict[str, object]) -> web.Response:
        await self.twin(name).command(command)
        return web.json_response(self.twin(name).state())

    async def process(self, request: web.Request) -> web.Response:
        given = await body(request)
        _only(given, signal=("KILL", "TERM", "STOP", "CONT", "HUP"))
        self.processes[str(given.get("service"))].signal(signal.Signals[f"SIG{given['signal']}"])
        return web.json_response({"service": given["service"], "signal": given["signal"]})

    async def unit_call(self, request: web.Request) -> web.Response:
        given = await body(request)
        _only(given, action=("answer", "hang-up"))
        await self.unit.call("Calls", "Answer" if given["action"] == "answer" else "HangUp")
        return web.json_response({"action": given["action"]})

    async def to_console(self, request: web.Request) -> web.StreamResponse:
        """Hands the request to the supervisors' console, which lives in the hub's namespace."""
        path = "/" + request.match_info["path"] if "path" in request.match_info else request.path
        headers = {key: value for key, value in request.headers.items() if key in ("Content-Type", "Accept")}
        async with (
            ClientSession(connector=UnixConnector(str(self.console))) as session,
            session.request(
                request.method, f"http://console{path}", data=await request.read(), headers=headers, timeout=None
            ) as answer,
        ):
            return await self._relay(request, answer)

    async def _relay(self, request: web.Request, answer: Any) -> web.StreamResponse:
        kept = {key: answer.headers[key] for key in ("Content-Type", "Cache-Control") if key in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        async for part in answer.content.iter_any():
            await response.write(part)
        await response.write_eof()
        return response

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the unit and every twin, at each change, at most ten a second."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        last = ""
        while not self.closing.is_set():
            now = json.dumps(await self.picture())
            if now != last:
                await response.write(f"data: {now}\n\n".encode())
            last = now
            await asyncio.sleep(EVENTS_S)
        return response

    async def picture(self) -> dict[str, object]:
        services = {name: process.pid is not None for name, process in self.processes.all.items()}
        return {
            "unit": json.loads(await self.unit.document()),
            "twins": {name: twin.state() for name, twin in self.twins.items()},
            "services": services,
        }
