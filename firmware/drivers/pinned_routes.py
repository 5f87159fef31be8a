"""Default routes in tables of our own, for what a mark pins to one uplink: rtnetlink(7); needs CAP_NET_ADMIN."""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from firmware.drivers.ports import Link

RTM_NEWROUTE, RTM_DELROUTE = 24, 25
REQUEST, ACK, CREATE, APPEND = 0x1, 0x4, 0x400, 0x800
RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 4, 5, 6, 7, 15
RTPROT_STATIC, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTN_UNICAST = 4, 0, 253, 1
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
    """One route message; without a pin it means any default route of that interface in that table."""
    found = [(RTA_TABLE, struct.pack("=I", table)), (RTA_OIF, struct.pack("=I", interface))]
    if pin is not None:
        found += [(RTA_PRIORITY, struct.pack("=I", pin.metric)), (RTA_PREFSRC, socket.inet_aton(pin.address))]
        found += [(RTA_GATEWAY, socket.inet_aton(pin.gateway))] if pin.gateway else []
    scope = RT_SCOPE_UNIVERSE if pin is None or pin.gateway else RT_SCOPE_LINK
    protocol, of = (0, 0) if pin is None else (RTPROT_STATIC, RTN_UNICAST)
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, protocol, scope, of, 0)
    body += b"".join(struct.pack("=HH", 4 + len(value), name) + value for name, value in found)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 0, 0) + body


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
