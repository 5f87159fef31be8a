"""The cables as the bench's hands hold them: pull, plug, break and heal each uplink, and the hub's own line.

{"name": "wired", "cable": false}           the plug is out: no carrier
{"name": "wired", "blackhole": true}        carrier, and every packet vanishes; "up" or "down" for one way alone
{"name": "wired", "loss": 0.3}              this share of packets vanishes, each way
{"name": "wired", "delay_ms": 800}          every packet takes that much longer, each way
{"name": "wired", "flap_s": 1.0}            the plug goes out and in, each for so long, until healed
{"name": "wired", "reboot_s": 20}           the router is dark for so long and forgets what it translated
{"name": "wired", "heal": true}             all well again
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hw.cables.delay import DelayLine
from hw.cables.faults import Fault, Router
from hw.cables.topology import LINES, Topology

HUB = "hub"


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command's body; what is None stays as it is."""

    name: Literal["wired", "wired2", "lte", "hub"]
    cable: bool | None = None
    blackhole: bool | Literal["none", "both", "up", "down"] | None = None
    loss: Annotated[float, Meta(ge=0, le=1)] | None = None
    delay_ms: Annotated[float, Meta(ge=0, le=5_000)] | None = None
    flap_s: Annotated[float, Meta(gt=0, le=60)] | None = None
    reboot_s: Annotated[float, Meta(gt=0, le=600)] | None = None
    heal: bool | None = None


def read(body: dict[str, object]) -> Order:
    """The order in a body; ValueError in one line where it is none."""
    try:
        order = msgspec.convert(body, Order)
    except msgspec.ValidationError as error:
        raise ValueError(
            f"uplink: {body!r} is refused: {error}; see hw/cables/twin.py for what can be asked"
        ) from error
    if all(getattr(order, field) is None for field in order.__struct_fields__ if field != "name"):
        raise ValueError("uplink: nothing is asked; give cable, blackhole, loss, delay_ms, flap_s, reboot_s or heal")
    return order


def merged(fault: Fault, order: Order) -> Fault:
    """The fault in force once the order is carried out."""
    if order.heal:
        return Fault()
    both = {True: "both", False: "none", None: fault.blackhole}
    known = {name: getattr(order, name) for name in ("cable", "loss", "delay_ms") if getattr(order, name) is not None}
    blackhole = both.get(order.blackhole, order.blackhole) if not isinstance(order.blackhole, str) else order.blackhole
    return msgspec.structs.replace(fault, blackhole=blackhole, **known)


class CablesTwin:
    """The network and its faults; see `hw.twin.Twin`."""

    def __init__(self, prefix: str = "") -> None:
        self.topology = Topology(prefix)
        self.names = self.topology.names
        self.routers: dict[str, Router] = {}
        self._delays: dict[str, DelayLine] = {}
        self._stories: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        await self.topology.start()
        for line in LINES:
            self.routers[line.name] = Router(self.names.router(line.name))
            self._delays[line.name] = DelayLine(self.names.router(line.name), line.gateway)
        self.routers[HUB] = Router(self.names.internet, "n-hub", outside="n-hub")

    def state(self) -> dict[str, object]:
        """Each line's fault as it is in force, and the story (flap, reboot) it is in."""
        return {name: self._one(name) for name in self.routers}

    def _one(self, name: str) -> dict[str, object]:
        story = self._stories.get(name)
        return {**msgspec.structs.asdict(self.routers[name].fault), "story": story.get_name() if story else ""}

    async def command(self, body: dict[str, object]) -> None:
        order = read(body)
        if order.name == HUB and (order.delay_ms or order.reboot_s):
            raise ValueError("uplink: hub has no delay_ms and no reboot_s; ask wired, wired2 or lte")
        await self._end_story(order.name)
        await self._put(order.name, merged(self.routers[order.name].fault, order))
        if order.flap_s:
            await self._tell(order.name, f"flap {order.flap_s:g} s", self._flap(order.name, order.flap_s))
        if order.reboot_s:
            await self._tell(order.name, f"reboot {order.reboot_s:g} s", self._reboot(order.name, order.reboot_s))

    async def _put(self, name: str, fault: Fault) -> None:
        self.routers[name].set(fault)
        if name in self._delays:
            await self._delays[name].set(fault.delay_ms / 1000)

    async def _tell(self, name: str, story: str, steps: Coroutine[Any, Any, None]) -> None:
        """Starts a story; its first step is done when this returns."""
        self._stories[name] = asyncio.create_task(steps, name=story)
        await asyncio.sleep(0)

    async def _end_story(self, name: str) -> None:
        story = self._stories.pop(name, None)
        if story is not None:
            story.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await story
            await self._put(name, msgspec.structs.replace(self.routers[name].fault, cable=True))

    async def _flap(self, name: str, each_s: float) -> None:
        router = self.routers[name]
        while True:
            router.set(msgspec.structs.replace(router.fault, cable=not router.fault.cable))
            await asyncio.sleep(each_s)

    async def _reboot(self, name: str, for_s: float) -> None:
        router = self.routers[name]
        router.set(msgspec.structs.replace(router.fault, cable=False))
        await self.topology.forget(name)
        await asyncio.sleep(for_s)
        router.set(msgspec.structs.replace(router.fault, cable=True))

    async def close(self) -> None:
        for name in list(self._stories):
            await self._end_story(name)
        for delay in self._delays.values():
            await delay.close()
        for router in self.routers.values():
            router.close()
        self.routers, self._delays = {}, {}
        await self.topology.close()
