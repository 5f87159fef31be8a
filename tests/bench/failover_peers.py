"""Others who choose an uplink, to be measured beside ours.

`python -m tests.bench.failover_peers`, run in the unit's namespace, is a tracker as OpenWrt's mwan3 documents it (its
example configuration): one ping an interface every 5 s, 2 s to answer, down after 3 lost, up after 8 answered; a lost
carrier at once. Written from that description. It says nothing of mwan3's own code.
"""

import asyncio
import contextlib
import socket

from firmware.drivers.carrier import CarrierWatch
from hw.cables import namespace
from hw.cables.topology import HUB, LINES, CablesError, Line, run

INTERVAL_S, TIMEOUT_S, DOWN, UP = 5.0, 2, 3, 8
AGAIN_S = 0.1  # a carrier is back before NetworkManager has given the address back
METRIC = 10
HTTP_PORT = 8_080
CONNECTIVITY = f"enabled=true\nuri=http://{HUB}:{HTTP_PORT}/\nresponse=online\ninterval=5"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nonline"


async def answer_connectivity_checks(hub: str) -> asyncio.Server:
    """What NetworkManager asks at the hub, in the namespace `hub`."""

    def make() -> socket.socket:
        made = socket.create_server((HUB, HTTP_PORT))
        made.setblocking(False)
        return made

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the line is cut
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, sock=namespace.within(hub, make))


class Tracker:
    """The tracker; `lines` are in order of preference."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        self.up = {line.interface: True for line in lines}
        self.carrier = {line.interface: True for line in lines}
        self.count = {line.interface: 0 for line in lines}
        self.changed = asyncio.Event()
        self.changed.set()

    def on_carrier(self, interface: str, carrier: bool | None) -> None:
        if interface in self.carrier:
            self.carrier[interface] = bool(carrier)
            self.changed.set()

    async def track(self, line: Line) -> None:
        while True:
            self.judge(line.interface, await self.ping(line.interface))
            await asyncio.sleep(INTERVAL_S)

    async def ping(self, interface: str) -> bool:
        argv = ("ping", "-n", "-q", "-c1", f"-W{TIMEOUT_S}", "-I", interface, HUB)
        process = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    def judge(self, interface: str, answered: bool) -> None:
        self.count[interface] = self.count[interface] + 1 if answered != self.up[interface] else 0
        if self.count[interface] >= (UP if answered else DOWN):
            self.up[interface], self.count[interface] = answered, 0
            self.changed.set()

    async def route_forever(self) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            usable = [line for line in self.lines if self.up[line.interface] and self.carrier[line.interface]]
            if usable and not await self.routed(usable[0]):
                asyncio.get_running_loop().call_later(AGAIN_S, self.changed.set)

    async def routed(self, best: Line) -> bool:
        """Whether the default route now goes by `best`."""
        try:
            route = ("default", "via", best.gateway, "dev", best.interface, "metric", str(METRIC))
            await run("ip", "route", "replace", *route)
        except CablesError:
            return False
        return True


async def main() -> None:
    tracker = Tracker(tuple(line for line in LINES if line.name in ("wired", "lte")))
    CarrierWatch(tracker.on_carrier)
    async with asyncio.TaskGroup() as group:
        group.create_task(tracker.route_forever())
        for line in tracker.lines:
            group.create_task(tracker.track(line))


if __name__ == "__main__":
    asyncio.run(main())
