"""What the recorder hears on the bus: every fact that changes its state, and every service that comes or goes."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from sdbus import SdBus
from sdbus.sd_bus_internals import SdBusMessage

from firmware import bus
from firmware.record import events

log = logging.getLogger("recorder")


class BusListener:
    """`heard` takes each event: its kind, and what is to be recorded as JSON."""

    def __init__(self, on: SdBus, group: asyncio.TaskGroup, heard: Callable[[str, bytes], None]) -> None:
        self.bus, self.group, self.heard = on, group, heard
        self.known: dict[str, Any] = {}

    async def listen(self) -> None:
        """From now on, for as long as this object lives."""
        changed = bus.PROPERTIES, "PropertiesChanged", self.changed
        self.slots = [
            await self.bus.match_signal_async(None, None, *changed),
            await self.bus.match_signal_async(
                bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "NameOwnerChanged", self.owner
            ),
        ]

    def changed(self, message: SdBusMessage) -> None:
        of, values, _ = message.parse_to_tuple()
        name = of.removeprefix(bus.PREFIX).removesuffix("1")
        if not of.startswith(bus.PREFIX) or name in events.SKIPPED:
            return
        self.took(name, values)

    def took(self, name: str, values: dict[str, tuple[str, Any]]) -> None:
        """Some properties of the service `name`, as they are now."""
        try:
            now = events.merged(name, self.known.get(name), values)
        except (msgspec.ValidationError, TypeError, ValueError, IndexError) as error:
            log.warning("%s said what cannot be read: %s", name, error)
            return
        found = events.event(self.known.get(name), now)
        self.known[name] = now
        if found:
            self.heard(name, msgspec.json.encode(found))

    def owner(self, message: SdBusMessage) -> None:
        name, _, new = message.parse_to_tuple()
        if name.startswith(bus.PREFIX):
            service = name.removeprefix(bus.PREFIX)
            self.known.pop(service, None)
            self.heard("service", msgspec.json.encode({"name": service, "up": bool(new)}))
            if new:
                self.group.create_task(self.look(service))

    async def look(self, name: str) -> None:
        """What a service says as a whole, so that the changes that follow are changes of something."""
        if name in events.SKIPPED:
            return
        with contextlib.suppress(bus.BusError):  # it is gone again, or says nothing: what it says later is heard
            at = bus.PREFIX + name, bus.path(name), bus.PROPERTIES
            self.took(name, await bus.call_any(self.bus, *at, "GetAll", "s", bus.interface(name)))

    async def look_around(self) -> None:
        """Looks at every service that was there before."""
        found = await bus.call_any(self.bus, bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "ListNames")
        for name in found:
            if name.startswith(bus.PREFIX):
                await self.look(name.removeprefix(bus.PREFIX))
