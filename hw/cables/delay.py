"""A delay line where the kernel has no netem: a router's traffic goes through a TUN device and waits in this process.

While it is on, what comes in by either side is routed into `delay0`, read here, and written back when its time has
come; then the router forwards it as ever. Off, no packet touches it. Translation (NAT) happens on the far side of the
wait: on the way out after it, on the way in before it, so the waiting packets are kept out of connection tracking.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
from collections import deque

from hw.cables import namespace
from hw.cables.topology import ip, run

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
DEVICE, TABLE, BURST = "delay0", 800, 2_000
PACKET = 2_048
RULES = """table ip delay {{
  chain in {{
    type filter hook prerouting priority -300;
    iifname "in0" ip daddr != {inside} notrack
    iifname "{device}" ip daddr {inside}/24 notrack
  }}
}}
"""


def _open() -> int:
    """A TUN device of this thread's namespace; its descriptor."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return handle


class DelayLine:
    """The wait of one router, in seconds; 0 is off. `inside` is an address of its inner network (a /24)."""

    def __init__(self, router: str, inside: str) -> None:
        self._router, self._inside = router, inside
        self._handle: int | None = None
        self._delay_s = 0.0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def set(self, delay_s: float) -> None:
        """Delays each packet from now on by so much, each way."""
        if delay_s and self._handle is None:
            await self._switch_on()
        if not delay_s and self._handle is not None:
            await self.close()
        self._delay_s = delay_s

    async def _switch_on(self) -> None:
        self._handle = await asyncio.to_thread(namespace.within, self._router, _open)
        asyncio.get_running_loop().add_reader(self._handle, self._read)
        tracking = RULES.format(device=DEVICE, inside=self._inside)
        await run(*namespace.command(self._router, "nft", "-f", "-"), given=tracking)
        await ip(
            self._router,
            f"link set {DEVICE} up txqueuelen {BURST}",
            f"route add default dev {DEVICE} table {TABLE}",
            f"rule add iif in0 lookup {TABLE} pref 2",
            f"rule add iif out0 to {self._inside}/24 lookup {TABLE} pref 3",
        )

    def _read(self) -> None:
        assert self._handle is not None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._waiting.append((loop.time() + self._delay_s, os.read(self._handle, PACKET)))
        if self._timer is None and self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._release)

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time() + 0.0005:
            with contextlib.suppress(OSError):
                os.write(self._handle or -1, self._waiting.popleft()[1])
        self._timer = loop.call_at(self._waiting[0][0], self._release) if self._waiting else None

    async def close(self) -> None:
        """Off; what still waits is lost, as in a cut line."""
        if self._handle is None:
            return
        for line in ("rule del pref 2", "rule del pref 3"):
            await ip(self._router, line)
        await run(*namespace.command(self._router, "nft", "delete", "table", "ip", "delay"))
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self._handle, self._timer = None, None
        self._waiting.clear()
