"""Files as events: what changed in a folder, by `watchdog` (inotify on Linux), handed to the event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from watchdog.events import FileClosedEvent, FileDeletedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

KINDS: list[type[FileSystemEvent]] = [FileClosedEvent, FileDeletedEvent, FileMovedEvent]


class _Names(FileSystemEventHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop, names: "asyncio.Queue[str]") -> None:
        self.loop, self.names = loop, names

    def on_any_event(self, event: FileSystemEvent) -> None:
        name = Path(str(event.dest_path or event.src_path)).name
        with contextlib.suppress(RuntimeError):  # the loop has ended: so has whoever listened
            self.loop.call_soon_threadsafe(self.names.put_nowait, name)


async def names(folder: Path, kinds: list[type[FileSystemEvent]] = KINDS) -> AsyncIterator[str]:
    """The name of each file in `folder` that was written to its end, renamed there or removed (`kinds`), as it happens.

    The first name is empty: it says that the watch stands, so look at the whole folder now and miss nothing.
    """
    queue: asyncio.Queue[str] = asyncio.Queue()
    observer = InotifyObserver()
    observer.schedule(_Names(asyncio.get_running_loop(), queue), str(folder), event_filter=kinds)
    observer.start()
    try:
        yield ""
        while True:
            yield await queue.get()
    finally:
        observer.stop()
