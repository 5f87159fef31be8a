"""Default routes in tables of our own, for what a mark pins to one uplink: rtnetlink(7); needs CAP_NET_ADMIN."""

import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from firmware.drivers.ports import Link

RTM_NEWROUTE, RTM_DELROUTE = 24, 25
REQUEST, ACK, REPLACE, CREATE = 0x1, 0x4, 0x100, 0x400
RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 4, 5, 6, 15
RTPROT_STATIC, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTN_UNICAST = 4, 0, 253, 1
REFUSAL = struct.Struct("=IHHIIi")


class Pin(NamedTuple):
    """One default route: by `interface`, over `gateway` (empty: point to point), at `metric`."""

    interface: str
    gateway: str
    metric: int


def wanted(link: Link, had: Pin | None) -> Pin | None:
    """The pin a link should have. While NetworkManager is away its routes stay, and so does the pin."""
    if link.state is None:
        return had
    if link.state != "activated" or link.metric is None:
        return None
    return Pin(link.interface, link.gateway, link.metric)


def message(kind: int, flags: int, table: int, interface: int, pin: Pin | None) -> bytes:
    """One route message; without a pin it means any default route of that interface in that table."""
    found = [(RTA_TABLE, struct.pack("=I", table)), (RTA_OIF, struct.pack("=I", interface))]
    if pin is not None:
        found.append((RTA_PRIORITY, struct.pack("=I", pin.metric)))
        found += [(RTA_GATEWAY, socket.inet_aton(pin.gateway))] if pin.gateway else []
    scope = RT_SCOPE_UNIVERSE if pin is None or pin.gateway else RT_SCOPE_LINK
    protocol, of = (0, 0) if pin is None else (RTPROT_STATIC, RTN_UNICAST)
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, protocol, scope, of, 0)
    body += b"".join(struct.pack("=HH", 4 + len(value), name) + value for name, value in found)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 0, 0) + body


class PinnedRoutes:
    """The pins of the links in `tables` (interface to table); what another life of this service left is taken away."""

    def __init__(self, tables: Mapping[str, int]) -> None:
        self._tables = tables
        self._pins: dict[str, Pin | None] = {}
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)

    def hold(self, link: Link) -> None:
        """Makes the link's pin what it should be now; OSError where the kernel refuses."""
        had = self._pins.get(link.interface)
        pin = wanted(link, had)
        if link.interface not in self._tables or (pin == had and link.interface in self._pins):
            return
        self._replace(link.interface, pin)
        self._pins[link.interface] = pin

    def _replace(self, name: str, pin: Pin | None) -> None:
        table = self._tables[name]
        try:
            interface = socket.if_nametoindex(name)
        except OSError:
            return  # gone, and its routes with it
        while self._ask(message(RTM_DELROUTE, 0, table, interface, None)):
            pass
        if pin is not None:
            self._ask(message(RTM_NEWROUTE, CREATE | REPLACE, table, interface, pin))

    def _ask(self, request: bytes) -> bool:
        """Whether it was done; False where there was no such route, or no way to that gateway just now."""
        self._socket.send(request)
        number: int = -REFUSAL.unpack_from(self._socket.recv(4096))[5]
        if number in (0, errno.ESRCH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENODEV):
            return number == 0
        raise OSError(number, f"pinned routes: the kernel refused: {os.strerror(number)}; CAP_NET_ADMIN is needed")

    def close(self) -> None:
        self._socket.close()
