"""The unit's uplinks through NetworkManager on the system bus, and their carrier straight from the kernel.

NetworkManager may stop, be killed and start again, and so may its devices: each is then unknown (None) until it is
there again; nothing here has to be restarted. A dead bus is found by the service's own ping.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from sdbus import SdBus, SdBusBaseError
from sdbus_async.networkmanager import (
    IPv4Config,
    NetworkDeviceGeneric,
    NetworkManagerBaseError,
)
from sdbus_async.networkmanager import (
    NetworkManager as Service,
)

from firmware.drivers import mirror
from firmware.drivers.carrier import CarrierWatch
from firmware.drivers.modem_routes import ModemRoutes
from firmware.drivers.pinned_routes import PinnedRoutes
from firmware.drivers.ports import DeviceState, Link

NAME = "org.freedesktop.NetworkManager"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
CALL_TIMEOUT_S = 5.0
SETTLE_S = 0.005  # one change of a device makes several signals; they are read together
AUTOMATIC = "/"
MODEM = 8  # NM_DEVICE_TYPE_MODEM
UNREACHABLE = (SdBusBaseError, NetworkManagerBaseError, TimeoutError, OSError)
log = logging.getLogger("networkmanager")


class NetworkManagerError(Exception):
    """NetworkManager could not do or tell what was asked; the caller tries again when the links change."""


class Away(NetworkManagerError, ConnectionError):
    """NetworkManager is not on the bus or did not answer in time."""


class Refused(NetworkManagerError, RuntimeError):
    """NetworkManager answered, and said no."""


def device_state(number: int) -> DeviceState | None:
    """NMDeviceState (its D-Bus reference, "Types") in words; 40 to 90 are the steps of an activation."""
    if 40 <= number <= 90:
        return "activating"
    known: dict[int, DeviceState] = {
        10: "unmanaged",
        20: "unavailable",
        30: "disconnected",
        100: "activated",
        110: "deactivating",
        120: "failed",
    }
    return known.get(number)


Profile = dict[str, dict[str, tuple[str, Any]]]


def with_metric(profile: Profile, metric: int) -> Profile:
    """An applied connection with its default routes at `metric`, both families; all else as it was."""
    families = {"ipv4", "ipv6"} & profile.keys()
    return {
        name: {**part, "route-metric": ("x", metric)} if name in families else part for name, part in profile.items()
    }


class NetworkManager:
    """The links named in `interfaces`; made inside a running loop. See `firmware.drivers.ports.Links`.

    `pins` is interface to routing table: the default route of an active link also stands there, at the same metric
    (NetworkManager 1.42 never takes an old route out of another table on Reapply, so these are ours).
    """

    def __init__(self, bus: SdBus, interfaces: Sequence[str], pins: Mapping[str, int] | None = None) -> None:
        self._bus, self._pinned, self._modems = bus, PinnedRoutes(pins or {}), ModemRoutes()
        self._is_modem = set[str]()
        self._links = {name: Link(interface=name) for name in interfaces}
        self._stale = asyncio.Event()
        self._carrier = CarrierWatch(self._on_carrier)
        self._waiting: set[asyncio.Queue[None]] = set()

    def state(self) -> Mapping[str, Link]:
        return dict(self._links)

    async def changes(self) -> AsyncIterator[Mapping[str, Link]]:
        """See the port; one reader at a time."""
        wake: asyncio.Queue[None] = asyncio.Queue()
        self._waiting.add(wake)
        slots = [
            await self._bus.match_signal_async(NAME, None, None, None, lambda _: self._stale.set()),
            await self._bus.match_signal_async(BUS, BUS_PATH, BUS, "NameOwnerChanged", self._on_owner),
        ]
        reading = asyncio.create_task(self._read_when_stale())
        try:
            self._stale.set()
            seen: Mapping[str, Link] = {}
            while True:
                if self._links != seen:
                    seen = self.state()
                    yield seen
                await self._next(wake, reading)
        finally:
            reading.cancel()
            self._waiting.discard(wake)
            for slot in slots:
                slot.close()

    async def _next(self, wake: asyncio.Queue[None], reading: asyncio.Task[None]) -> None:
        """Until something changed; raises what the reading task raised."""
        woken = asyncio.ensure_future(wake.get())
        try:
            await asyncio.wait({woken, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            woken.cancel()

    def _on_owner(self, message: Any) -> None:
        if message.parse_to_tuple()[0] == NAME:
            self._stale.set()

    def _on_carrier(self, interface: str, carrier: bool | None) -> None:
        if interface in self._links:
            self._put(interface, carrier=carrier)
            self._stale.set()

    def _put(self, interface: str, **known: Any) -> None:
        before = self._links[interface]
        self._links[interface] = msgspec.structs.replace(before, **known)
        if self._links[interface] != before:
            self._hold(self._links[interface])
            for each in self._waiting:
                each.put_nowait(None)

    def _hold(self, link: Link) -> None:
        """The routes that are ours, as the link now is."""
        self._pinned.hold(link)
        if link.interface in self._is_modem:
            self._modems.hold(link)

    async def _read_when_stale(self) -> None:
        while True:
            await self._stale.wait()
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            found = await asyncio.gather(*(self._read(interface) for interface in self._links))
            for interface, known in zip(self._links, found, strict=True):
                self._put(interface, **known)

    async def _read(self, interface: str) -> dict[str, Any]:
        """What NetworkManager says of one link; all unknown where it is away or has no such device."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                device = await self._device(interface)
                state = device_state(await device.state)
                if state != "activated":
                    return {"state": state, "address": "", "gateway": "", "metric": None}
                known = {"state": state, **await self._read_routes(device)}
                if await device.device_type == MODEM:
                    self._is_modem.add(interface)
                    known["metric"] = self._modems.metric(interface, known["metric"])
                return known
        except (NetworkManagerError, *UNREACHABLE) as error:
            log.debug("%s is unknown: %s", interface, error)
            return {"state": None, "address": "", "gateway": "", "metric": None}

    async def _read_routes(self, device: NetworkDeviceGeneric) -> dict[str, Any]:
        config = IPv4Config(await device.ip4_config, self._bus)
        addresses, routes = await config.address_data, await config.route_data
        defaults = [each for each in routes if each["dest"][1] == "0.0.0.0" and "table" not in each]  # of table main
        metrics = [each["metric"][1] for each in defaults if "metric" in each]
        return {
            "address": addresses[0]["address"][1] if addresses else "",
            "gateway": await config.gateway,
            "metric": min(metrics, default=None),
        }

    async def _device(self, interface: str) -> NetworkDeviceGeneric:
        at = await Service(self._bus).get_device_by_ip_iface(interface)
        return NetworkDeviceGeneric(at, self._bus)

    async def set_metric(self, interface: str, metric: int) -> None:
        """See the port. Away or Refused where it could not be done; Device.Reapply takes about two milliseconds."""
        try:
            if interface in self._is_modem:
                self._modems.set(interface, metric)
            else:
                await self._reapply(interface, metric)
            self._put(interface, metric=metric)
        except UNREACHABLE as error:
            raise self._error(f"setting the metric of {interface} to {metric}", error) from error

    async def _reapply(self, interface: str, metric: int) -> None:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            device = await self._device(interface)
            profile, version = await device.get_applied_connection(0)
            await device.reapply(with_metric(profile, metric), version, 0)

    def open_table(self, table: int, on: bool) -> None:
        """Whether the pins of that table stand, from now on; without them what is pinned to it goes nowhere."""
        self._pinned.open(table, on)
        for link in self._links.values():
            self._pinned.hold(link)

    def mirrors(self, source: str, target: str) -> bool | None:
        """Whether the mirror in the profile of `source` still copies to `target`; None where one is not there."""
        return mirror.mirrors(source, target)

    async def activate(self, interface: str) -> None:
        """See the port. Away or Refused where it could not be done."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                device = await Service(self._bus).get_device_by_ip_iface(interface)
                await Service(self._bus).activate_connection(AUTOMATIC, device, AUTOMATIC)
        except UNREACHABLE as error:
            raise self._error(f"activating {interface}", error) from error

    def _error(self, doing: str, error: BaseException) -> NetworkManagerError:
        kind = Refused if isinstance(error, NetworkManagerBaseError) else Away
        hint = "is there a profile for it?" if kind is Refused else "is NetworkManager running?"
        return kind(f"networkmanager: {doing} failed: {type(error).__name__} {error}; {hint}")

    def close(self) -> None:
        self._carrier.close()
        self._pinned.close()
        self._modems.close()
