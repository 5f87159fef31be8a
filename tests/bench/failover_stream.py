"""A steady stream of datagrams both ways through the unit's data tunnel, and what a fault did to it."""

import asyncio
import bisect
import itertools
import math
import socket
import struct
import time
from typing import NamedTuple

from firmware.failover.tunnels import DATA
from hw.cables import namespace

PACKET = struct.Struct("!I")
PORT = 40_000
ON_ITS_WAY_S = 0.1


class Outage(NamedTuple):
    """What was seen from a moment on. `gap_ms`: the longest time without an arrival, the worse direction; one that
    still lasts counts as long as it is. `broken_ms`: from that moment until the last packet that was lost left, i.e.
    until all was well. None: it was not, within the bound."""

    lost: int
    gap_ms: float
    broken_ms: float | None


class Way:
    """One direction: when each packet left and when it came."""

    def __init__(self, source: socket.socket, target: socket.socket, to: tuple[str, int]) -> None:
        self.source, self.target, self.to = source, target, to
        self.sent: list[float] = []
        self.came: dict[int, float] = {}
        asyncio.get_running_loop().add_reader(target, self._read)

    def send(self) -> None:
        number = len(self.sent)
        self.sent.append(time.monotonic())
        try:
            self.source.sendto(PACKET.pack(number), self.to)
        except OSError:
            return  # lost before it left; it counts as sent

    def _read(self) -> None:
        while True:
            try:
                data = self.target.recv(64)
            except OSError:
                return
            if len(data) == PACKET.size:
                self.came.setdefault(PACKET.unpack(data)[0], time.monotonic())

    def since(self, at: float, until: float) -> Outage:
        """Of the packets sent from `at` to `until`."""
        window = [number for number, sent in enumerate(self.sent) if at <= sent < until]
        lost = [number for number in window if number not in self.came]
        arrivals = sorted(came for came in self.came.values() if came >= at)
        edges = [at, *[each for each in arrivals if each < until], until]
        gap = max((b - a for a, b in itertools.pairwise(edges)), default=math.inf)
        never = not arrivals or bool(lost and lost[-1] == window[-1])
        return Outage(len(lost), gap * 1000, None if never else (self.sent[lost[-1]] - at) * 1000 if lost else 0.0)

    def quiet_since(self, at: float, last_s: float) -> bool:
        """Whether everything sent in the last `last_s` (but the newest, still on its way) has come."""
        now = time.monotonic()
        recent = range(bisect.bisect_left(self.sent, now - last_s), bisect.bisect_right(self.sent, now - ON_ITS_WAY_S))
        return now - at > last_s and all(number in self.came for number in recent)


class Stream:
    """Both ways, from `start` to `close`; the sockets live in the two namespaces, the clock is one."""

    def __init__(self, unit: str, hub: str, every_s: float) -> None:
        self._every_s = every_s
        here, there = (DATA.unit(1), PORT), (DATA.hub(), PORT)
        self._unit, self._hub = namespace.udp_socket(unit, here), namespace.udp_socket(hub, there)
        self.ways = (Way(self._unit, self._hub, there), Way(self._hub, self._unit, here))
        self._task = asyncio.create_task(self._send_forever())

    async def _send_forever(self) -> None:
        due = time.monotonic()
        while True:
            for way in self.ways:
                way.send()
            due = max(due + self._every_s, time.monotonic() - self._every_s)
            await asyncio.sleep(max(due - time.monotonic(), 0))

    def outage(self, at: float, until: float) -> Outage:
        """The worse of the two directions, measure by measure."""
        seen = [way.since(at, until) for way in self.ways]
        broken = [each.broken_ms for each in seen]
        known = [each for each in broken if each is not None]
        return Outage(
            sum(each.lost for each in seen),
            max(each.gap_ms for each in seen),
            max(known) if len(known) == len(broken) else None,
        )

    async def well(self, at: float, last_s: float, bound_s: float) -> bool:
        """Until nothing was lost for `last_s`; False where that did not happen in `bound_s`."""
        while time.monotonic() - at < bound_s:
            if all(way.quiet_since(at, last_s) for way in self.ways):
                return True
            await asyncio.sleep(0.05)
        return False

    def forget(self) -> None:
        """Starts counting anew, so that a long run stays small."""
        for way in self.ways:
            way.sent.clear()
            way.came.clear()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for each in (self._unit, self._hub):
            asyncio.get_running_loop().remove_reader(each)
            each.close()
