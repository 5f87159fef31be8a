"""Sound cards coming and going, as udev tells it (netlink, `pyudev`)."""

import asyncio
import logging
from collections.abc import AsyncIterator

log = logging.getLogger("hotplug")


async def changes() -> AsyncIterator[str]:
    """`add`, `remove` or `change` of each sound device as it happens; ends at once where there is no udev."""
    try:
        import pyudev

        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        monitor.filter_by("sound")
        monitor.start()
    except (ImportError, OSError) as error:
        log.info("no udev here (%s): the headset is looked for by the clock alone", error)
        return
    told: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        while (device := monitor.poll(0)) is not None:
            told.put_nowait(device.action or "change")

    loop.add_reader(monitor.fileno(), read)
    try:
        while True:
            yield await told.get()
    finally:
        loop.remove_reader(monitor.fileno())
