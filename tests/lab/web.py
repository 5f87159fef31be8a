"""A folder on the web for the guest (10.0.2.2), with ranges, and how many bytes of it were taken."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler


class Shelf:
    """`address` as the guest sees it; `sent` is bytes of bodies since `sent` was last set to 0."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address, self.sent, self.requests = folder, "", 0, 0
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, name: str) -> str:
        return f"{self.address}/{name}"

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse = await handler(request)
        first, _, last = request.headers.get("Range", "").removeprefix("bytes=").partition("-")
        file = self.folder / request.path.lstrip("/")
        whole = file.stat().st_size if file.is_file() else 0  # aiohttp looks for it later, and then answers 404
        self.requests += 1
        if request.method == "GET":
            self.sent += (min(int(last or whole - 1), whole - 1) - int(first) + 1) if first and whole else whole
        return answer

    async def _serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        app = web.Application(middlewares=[self._count])
        app.router.add_static("/", self.folder, follow_symlinks=True)  # the lab's own links
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://10.0.2.2:{runner.addresses[0][1]}"
        started.set()
        await stop.wait()
        await runner.cleanup()


@contextmanager
def shelf(folder: Path) -> Iterator[Shelf]:
    """Served on loopback while the block runs."""
    made, started, stop = Shelf(folder), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(made._serve(started, stop)), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
