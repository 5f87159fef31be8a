"""Carrier as the kernel reports it, within a millisecond: rtnetlink(7) link messages.

NetworkManager itself acts on a lost carrier only after four seconds; a call cannot wait for that.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
RTMGRP_LINK = 1
IFLA_IFNAME, IFLA_CARRIER = 3, 33
Changed = Callable[[str, bool | None], None]


def parse(data: bytes) -> Iterator[tuple[str, bool | None]]:
    """(interface, carrier) of each link message; carrier is None where the interface is gone or does not say.

    What is cut short or of another kind is passed over.
    """
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16:
            return
        if kind in (RTM_NEWLINK, RTM_DELLINK) and 32 <= length <= len(data):
            found = attributes(data[32:length])
            name = found.get(IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
            carrier = found.get(IFLA_CARRIER)
            if name:
                yield name, bool(carrier[0]) if carrier and kind == RTM_NEWLINK else None
        data = data[(length + 3) & ~3 :]


def attributes(data: bytes) -> dict[int, bytes]:
    """Type to value, of a run of rtnetlink attributes."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


class CarrierWatch:
    """Calls `changed(interface, carrier)` for every link now and at every link message, in the running loop."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.bind((0, RTMGRP_LINK))
        self._ask()
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _ask(self) -> None:
        """Asks for all links; the answers come as messages like any other."""
        self._socket.send(struct.pack("=IHHIIBxHiII", 32, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, 0, 0, 0, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    data = self._socket.recv(1 << 16)
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    self._ask()  # ENOBUFS: messages were lost, so ask anew (netlink(7))
                    continue
                for name, carrier in parse(data):
                    self._changed(name, carrier)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
