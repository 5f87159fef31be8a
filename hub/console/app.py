"""The console over HTTP: /hub.json, /hub/acknowledge, /hub/shift, /events and the page. Every address the page uses is
relative, so that it works wherever it is mounted."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from hub.console.document import document
from hub.console.feed import Feed
from hub.console.fleet_page import FleetPage
from hub.console.link import Link, NoAnswer, NoBroker
from hub.console.messages import NAME_LENGTH

STATIC = Path(__file__).parent / "static"
BODY_BYTES = 4_096
log = logging.getLogger("console")
POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


B = TypeVar("B", bound=msgspec.Struct)


class Acknowledge(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /hub/acknowledge."""

    alert: str
    by: str


class Sign(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /hub/shift: `who` goes on shift at `unit` for so many minutes, or the shift ends (0)."""

    unit: str
    who: str
    minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)]


class Bad(Exception):
    """A request that is refused; `status` is HTTP's."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Pages:
    """The handlers."""

    def __init__(self, host: str, port: int, tls: Path) -> None:
        self.feed = Feed(self.json)
        self.link = Link(host, port, tls, self.feed.changed)

    async def life(self, _: web.Application) -> AsyncIterator[None]:
        """The connection and the feed run as long as the application; the end of either ends the process."""
        tasks = [asyncio.create_task(each) for each in (self.link.run(), self.feed.run())]
        for task in tasks:
            task.add_done_callback(_must_not_end)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def json(self) -> bytes:
        return msgspec.json.encode(document(self.link.view, time.time()))

    async def page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "console.html")

    async def hub_json(self, _: web.Request) -> web.Response:
        return web.Response(body=self.json(), content_type="application/json", headers={"Cache-Control": "no-store"})

    async def acknowledge(self, request: web.Request) -> web.Response:
        """200 with the answer that counts once the broker has it; 400, 403, 404 or 503 with one line."""
        try:
            asked = await _body(request, Acknowledge, '{"alert": ID, "by": NAME}')
            row = await self.link.acknowledge(asked.alert, _name("by", asked.by))
        except Bad as error:
            return _line(error.status, f"acknowledge: {error}")
        except KeyError:
            return _line(404, f"acknowledge: no alert {asked.alert[:40]!r} here; see /hub.json for those there are")
        except NoBroker as error:
            return _line(503, f"acknowledge: {error}")
        return web.Response(body=msgspec.json.encode(row), content_type="application/json")

    async def shift(self, request: web.Request) -> web.Response:
        """200 with the end of the shift once the unit itself has said so; 400, 403, 404 or 503 with one line."""
        try:
            asked = await _body(request, Sign, '{"unit": UNIT, "who": NAME, "minutes": 0 to 1440}')
            until = await self.link.sign(asked.unit, _name("who", asked.who), asked.minutes)
        except Bad as error:
            return _line(error.status, f"shift: {error}")
        except KeyError:
            return _line(404, f"shift: no unit {asked.unit[:40]!r} here; see /hub.json for those there are")
        except (NoBroker, NoAnswer) as error:
            return _line(503, f"shift: {error}")
        return web.json_response({"unit": asked.unit, "until": until})


async def _body(request: web.Request, kind: type[B], example: str) -> B:
    """What is asked, by a page of the console's own; Bad for anything else."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Bad(403, "asked by a page of another site; use the console's own page")
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, web.HTTPRequestEntityTooLarge) as error:
        raise Bad(400, f"{error}; send {example}") from error


def _name(field: str, given: str) -> str:
    name = " ".join(given.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Bad(400, f"{field} must be a name of 1 to {NAME_LENGTH} printable characters")
    return name


def _must_not_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.critical("failed: %s", task.exception(), exc_info=task.exception())
        os._exit(1)


def _line(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text.replace("\n", " ") + "\n")


def application(host: str, port: int, tls: Path, updates: Path | None = None) -> web.Application:
    """The console for the broker at `host`:`port`; `tls` holds ca.pem, console.pem and console.key, `updates` is the
    folder that serves the units' releases."""
    pages = Pages(host, port, tls)
    app = web.Application(client_max_size=BODY_BYTES)
    app.router.add_get("/", pages.page)
    app.router.add_get("/hub.json", pages.hub_json)
    app.router.add_get("/events", pages.feed.answer)
    releases = FleetPage(lambda: pages.link.view, updates)
    app.router.add_get("/fleet", releases.page)
    app.router.add_get("/fleet.json", releases.json)
    app.router.add_post("/hub/acknowledge", pages.acknowledge)
    app.router.add_post("/hub/shift", pages.shift)
    app.router.add_static("/static/", STATIC)
    app.on_response_prepare.append(_with_policy)
    app.on_shutdown.append(pages.feed.close)
    app.cleanup_ctx.append(pages.life)
    return app


async def _with_policy(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in POLICY.items():
        response.headers.setdefault(name, value)
