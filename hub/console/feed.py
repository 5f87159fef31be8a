"""Server-sent events: the document to every open page at each change, at most one a GAP_S, and a beat when quiet.

A page that reads slowly gets the newest document next, never a queue of old ones.
"""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

GAP_S, BEAT_S = 0.05, 2.0
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Feed:
    """`document` gives the document's JSON as of now."""

    def __init__(self, document: Callable[[], bytes]) -> None:
        self._document = document
        self._dirty = asyncio.Event()
        self._news = asyncio.Condition()
        self._number, self._encoded, self._content = 0, -1, b""
        self._closed = False

    def changed(self) -> None:
        self._dirty.set()

    async def run(self) -> None:
        """Never returns. The first change after a quiet time goes out at once; those that follow are put together."""
        while True:
            quiet = not await self._change_within(BEAT_S)
            await self._announce()
            await asyncio.sleep(0 if quiet else GAP_S)

    async def _change_within(self, limit_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._dirty.wait(), limit_s)
        changed = self._dirty.is_set()
        self._dirty.clear()
        return changed

    async def _announce(self) -> None:
        self._number += 1
        async with self._news:
            self._news.notify_all()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """GET /events."""
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        await response.write(b"retry: 1000\n")
        number = self._number
        with contextlib.suppress(ConnectionError):
            while not self._closed:
                await response.write(self._event())
                number = await self._after(number)
        return response

    async def close(self, _: web.Application) -> None:
        """Lets every page go: a server that waits for them does not stop."""
        self._closed = True
        await self._announce()

    def _event(self) -> bytes:
        """The newest document, encoded once for all pages."""
        if self._dirty.is_set() or self._encoded != self._number:
            self._encoded, self._content = self._number, b"data: " + self._document() + b"\n\n"
        return self._content

    async def _after(self, number: int) -> int:
        """The number of the newest document, once it is newer than `number`."""
        async with self._news:
            await self._news.wait_for(lambda: self._number != number)
        return self._number
