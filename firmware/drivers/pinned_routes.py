"""Default routes of our own: rtnetlink(7); needs CAP_NET_ADMIN.

They stand in tables of our own for what a mark pins to one uplink, and in the main one for a modem
(`modem_routes`), where their protocol tells them from everybody else's.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from firmware.drivers.carrier import attributes
from firmware.drivers.ports import Link

NLMSG_ERROR, NLMSG_DONE, DUMP_S = 2, 3, 5.0
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
REQUEST, ACK, DUMP, CREATE, APPEND = 0x1, 0x4, 0x300, 0x400, 0x800
RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 4, 5, 6, 7, 15
OURS, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTN_UNICAST = 91, 0, 253, 1  # rtnetlink(7): who installed it; 91 is nobody's
MAIN = 254
REFUSAL = struct.Struct("=IHHIIi")


# What the kernel answers where a route is already as asked, or cannot be just now: no such route, gateway or address.
FINE = (0, errno.EEXIST)
NOT_NOW = (errno.ESRCH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENODEV, errno.EINVAL)


class Pin(NamedTuple):
    """One default route: from `address`, over `gateway` (empty: point to point), at `metric`."""

    address: str
    gateway: str
    metric: int


def wanted(link: Link) -> Pin | None:
    """The pin of a link that is up; None of any other."""
    if link.state != "activated" or link.metric is None or not link.address:
        return None
    return Pin(link.address, link.gateway, link.metric)


def message(kind: int, flags: int, table: int, interface: int, pin: Pin | None) -> bytes:
    """One route message; without a pin it means any default route of that interface in that table, in MAIN of ours."""
    found = [(RTA_TABLE, struct.pack("=I", table)), (RTA_OIF, struct.pack("=I", interface))]
    if pin is not None:
        found += [(RTA_PRIORITY, struct.pack("=I", pin.metric)), (RTA_PREFSRC, socket.inet_aton(pin.address))]
        found += [(RTA_GATEWAY, socket.inet_aton(pin.gateway))] if pin.gateway else []
    scope = RT_SCOPE_UNIVERSE if pin is None or pin.gateway else RT_SCOPE_LINK
    of = 0 if pin is None else RTN_UNICAST
    protocol = OURS if pin is not None or table == MAIN else 0
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, protocol, scope, of, 0)
    body += b"".join(struct.pack("=HH", 4 + len(value), name) + value for name, value in found)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 0, 0) + body


def standing(table: int) -> dict[str, int]:
    """Interface to metric of our default routes in `table`, whoever put them there: a life of this service before."""
    ours = [route for route in _dumped() if _is_ours(route, table)]
    found = {_named(route[RTA_OIF]): _number(route[RTA_PRIORITY]) for route in ours}
    return {name: metric for name, metric in found.items() if name}


def _dumped() -> Iterator[dict[int, bytes]]:
    """Every route of ours that the kernel has; OSError where it says no end of them within DUMP_S."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as asking:
        asking.settimeout(DUMP_S)
        request = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
        asking.send(struct.pack("=IHHII", 16 + len(request), RTM_GETROUTE, REQUEST | DUMP, 0, 0) + request)
        ended = False
        while not ended:
            routes, ended = parsed(asking.recv(1 << 16))
            yield from routes


def parsed(data: bytes) -> tuple[list[dict[int, bytes]], bool]:
    """The attributes of each of our routes to everywhere, and whether the end is said: with the last, or alone."""
    found = list[dict[int, bytes]]()
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16 or kind in (NLMSG_ERROR, NLMSG_DONE):
            return found, True
        if kind == RTM_NEWROUTE and not data[17] and data[21] == OURS:
            found.append(attributes(data[28:length]))
        data = data[(length + 3) & ~3 :]
    return found, False


def _is_ours(route: dict[int, bytes], table: int) -> bool:
    return {RTA_OIF, RTA_PRIORITY, RTA_TABLE} <= route.keys() and _number(route[RTA_TABLE]) == table


def _number(value: bytes) -> int:
    return int.from_bytes(value[:4], sys.byteorder)


def _named(index: bytes) -> str:
    try:
        return socket.if_indextoname(_number(index))
    except OSError:
        return ""


class PinnedRoutes:
    """The pins of the links in `tables` (interface to table); what another life of this service left is taken away.

    A link that goes down keeps its pin: the kernel passes over a route without carrier and takes it out with its
    address. So NetworkManager may be killed and take its links over again without a packet lost.
    """

    def __init__(self, tables: Mapping[str, int]) -> None:
        self._tables = tables
        self._pins: dict[str, Pin] = {}
        self._up: set[str] = set()
        self._shut: set[int] = set()
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)

    def open(self, table: int, on: bool) -> None:
        """Pins stand in that table from now on, or none does."""
        self._shut = self._shut - {table} if on else self._shut | {table}
        for name in (name for name, of in self._tables.items() if of == table and not on):
            self._clear(name)

    def _clear(self, name: str) -> None:
        self._up.discard(name)
        self._pins.pop(name, None)
        with contextlib.suppress(OSError):  # no such interface, so no such route
            self._clear_index(self._tables[name], socket.if_nametoindex(name))

    def _clear_index(self, table: int, interface: int) -> None:
        while self._ask(message(RTM_DELROUTE, 0, table, interface, None)):
            pass

    def hold(self, link: Link) -> None:
        """Makes the link's pin what it should be now; OSError where the kernel refuses."""
        pin = wanted(link) if self._tables.get(link.interface) not in (None, *self._shut) else None
        if pin is None:
            self._up.discard(link.interface)
        elif pin != self._pins.get(link.interface) or link.interface not in self._up:
            self._replace(link.interface, pin)

    def _replace(self, name: str, pin: Pin) -> None:
        """The new pin first, then the old one away, so that there is always one."""
        table, had = self._tables[name], self._pins.get(name)
        try:
            interface = socket.if_nametoindex(name)
        except OSError:
            return  # gone, and its routes with it
        if had is None:
            self._clear_index(table, interface)
        if not self._ask(message(RTM_NEWROUTE, CREATE | APPEND, table, interface, pin)):
            return
        if had not in (None, pin):
            self._ask(message(RTM_DELROUTE, 0, table, interface, had))
        self._pins[name] = pin
        self._up.add(name)

    def _ask(self, request: bytes) -> bool:
        """Whether it is so now; False where it cannot be at this moment, or there was no such route."""
        self._socket.send(request)
        number: int = -REFUSAL.unpack_from(self._socket.recv(4096))[5]
        if number in FINE or number in NOT_NOW:
            return number in FINE
        raise OSError(number, f"pinned routes: the kernel refused: {os.strerror(number)}; CAP_NET_ADMIN is needed")

    def close(self) -> None:
        self._socket.close()
