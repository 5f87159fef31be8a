"""What goes wrong on the lines in `make bench-failover`, each by its name."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from hw.cables.faults import Fault
from tests.bench.failover_lab import Lab


async def steady(lab: Lab, fault: Fault) -> None:
    await lab.set("wired", fault)


async def flap(lab: Lab) -> None:
    for _ in range(5):
        await lab.set("wired", Fault(cable=False))
        await asyncio.sleep(0.5)
        await lab.set("wired", Fault())
        await asyncio.sleep(0.5)


async def reboot(lab: Lab) -> None:
    """The router's ports are dead for 2 s, then it has a carrier and forwards nothing for 6 s."""
    await lab.set("wired", Fault(cable=False))
    await asyncio.sleep(2.0)
    await lab.set("wired", Fault(blackhole="both"))
    await asyncio.sleep(6.0)
    await lab.set("wired", Fault())


async def both(lab: Lab) -> None:
    """Both uplinks dead for 3 s, then LTE is back: what is measured starts there."""
    for name in ("wired", "lte"):
        await lab.set(name, Fault(blackhole="both"))
    await asyncio.sleep(3.0)
    lab.marked_at = time.monotonic()
    await lab.set("lte", Fault())


FAULTS: dict[str, Callable[[Lab], Awaitable[None]]] = {
    "cable out": lambda lab: steady(lab, Fault(cable=False)),
    "blackhole": lambda lab: steady(lab, Fault(blackhole="both")),
    "blackhole up": lambda lab: steady(lab, Fault(blackhole="up")),
    "blackhole down": lambda lab: steady(lab, Fault(blackhole="down")),
    "30 % loss": lambda lab: steady(lab, Fault(loss=0.3)),
    "800 ms delay": lambda lab: steady(lab, Fault(delay_ms=800)),
    "flapping": flap,
    "router reboot": reboot,
    "both, LTE back": both,
}
