"""Two processes, one in charge: the other has everything loaded and takes over within milliseconds of its death.

The lock is flock(2) on a file: the kernel lets go of it the moment its holder dies, however it dies.
"""

import asyncio
import fcntl
import threading
from pathlib import Path

_open: list[object] = []  # what is held must not be closed by the garbage collector


async def in_charge(lock: Path) -> None:
    """Returns once this process holds `lock`; it holds it until it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle, loop = lock.open("w"), asyncio.get_running_loop()
    held: asyncio.Future[None] = loop.create_future()

    def wait() -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        loop.call_soon_threadsafe(held.set_result, None)

    _open.append(handle)
    # A daemon: one that still waits must not keep a process alive that was told to stop.
    threading.Thread(target=wait, name="standby", daemon=True).start()
    await held
