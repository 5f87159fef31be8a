"""The shell around the brain: what happens on the uplinks goes into the steering, moves come out and are done. Thin.

One event loop, one timer an uplink. Moves are done by one task alone, through the port `Links`; where NetworkManager is
away they are done when it is back, and a metric that it puts back by itself is set again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from firmware.clock import now_rfc3339
from firmware.config import Config, UplinkHardware
from firmware.drivers.ports import Link, Links
from firmware.failover import record, routes, steering
from firmware.failover.echo import Echo, HubTime
from firmware.failover.health import Carrier, Fact, Health
from firmware.failover.others import Others
from firmware.failover.policy import Facts, Move, Uplink
from firmware.failover.prober import Prober
from firmware.failover.record import Decision
from firmware.failover.timing import overdue

RETRY_S = 0.5
Decided = Callable[[Decision], None]
Plan = Callable[[Mapping[str, Link], Sequence[str], str | None], dict[str, int]]
log = logging.getLogger("pilot")


class Pilot:
    """Holds the unit on the hub; `decided` is called with each move once it is done. Made inside a running loop."""

    def __init__(self, config: Config, links: Links, secret: bytes, decided: Decided) -> None:
        self._links, self._decided = links, decided
        self._loop = asyncio.get_running_loop()
        self._hardware = {each.name: each for each in config.unit.uplinks}
        self._moves: list[tuple[Move, Facts, float]] = []
        self._act = asyncio.Event()
        self._turning = ""  # whose timer is being served: it is set once, when all is done
        uplinks = tuple(Uplink(each.name, each.kind, order, Health()) for order, each in enumerate(config.unit.uplinks))
        self.steering = steering.begin(config.site.failover, uplinks, None, self._loop.time())
        self.hub_time = HubTime()
        self._probers = {each.name: self._prober(config, each, secret, self.hub_time) for each in config.unit.uplinks}
        self._turns = {name: partial(self._turn, name) for name in self._probers}

    def _prober(self, config: Config, of: UplinkHardware, secret: bytes, hub_time: HubTime) -> Prober:
        tunnel = config.site.failover.tunnels.get(of.name, "")
        echo = Echo(of.interface, config.unit.name, secret, hub_time)
        return Prober(of.name, echo, Others(of.interface), tunnel, config.site.failover.targets, self.happened)

    @property
    def active(self) -> str | None:
        """Who carries the unit, by the last decision."""
        return self.steering.state.active

    def happened(self, name: str, fact: Fact, at: float) -> None:
        """One fact of one uplink; what follows from it is done."""
        before = self.steering.facts.uplinks
        self.steering, moves = steering.happened(self.steering, name, fact, at)
        self._after(moves, at)
        for old, new in zip(before, self.steering.facts.uplinks, strict=True):
            if new is not old and new.name != self._turning:  # trouble on one uplink makes another one due
                self._schedule(new.name)

    def told(self, in_call: bool | None, panic: bool | None, stretch: float) -> None:
        """What the rest of the unit says; also each second, for what becomes due by itself."""
        now = self._loop.time()
        self.steering, moves = steering.told(self.steering, in_call, panic, stretch, now)
        self._after(moves, now)
        self._schedule_all()

    def hub_is_at(self, address: tuple[str, int]) -> None:
        for prober in self._probers.values():
            prober.hub = address

    def linked(self, links: Mapping[str, Link]) -> None:
        """The links as they are now. Whoever carried the unit before this service was started again goes on with it."""
        now = self._loop.time()
        if self.active is None and (carrying := self._carrying(links)):
            self.steering = steering.adopted(self.steering, carrying, now)
        for name, hardware in self._hardware.items():
            link = links.get(hardware.interface, Link(interface=hardware.interface))
            self._probers[name].gateway = link.gateway
            reason = "no carrier" if link.carrier is False else "no interface"
            if link.carrier is not None or self.steering.health(name).carrier:
                self.happened(name, Carrier(bool(link.carrier), reason), now)
        self._schedule_all()
        self._act.set()

    async def act_forever(self) -> None:
        """Does what was decided, as often as it takes."""
        while True:
            await self._act.wait()
            self._act.clear()
            moves, self._moves = self._moves, []
            done = await self._set_all(routes.first)
            for move, seen, at in moves:
                self._record(move, seen, at)
            if not await self._set_all(routes.rest) or not done:
                self._loop.call_later(RETRY_S, self._act.set)

    async def _set_all(self, plan: Plan) -> bool:
        """All that is planned, at the same time; whether all could be set."""
        order = [each.interface for each in self._hardware.values()]
        active = self._hardware[self.active].interface if self.active else None
        wanted = plan(self._links.state(), order, active)
        results = await asyncio.gather(*(self._set(*each) for each in wanted.items()))
        return all(results)

    async def _set(self, interface: str, metric: int) -> bool:
        try:
            await self._links.set_metric(interface, metric)
        except (ConnectionError, RuntimeError) as error:
            log.warning("%s: its metric stays as it is for now: %s", interface, error)
            return False
        return True

    def _record(self, move: Move, seen: Facts, decided_at: float) -> None:
        acted_ms = (self._loop.time() - decided_at) * 1000
        self._decided(record.decision(move, seen, decided_at, now_rfc3339(), acted_ms))

    def _after(self, moves: tuple[Move, ...], now: float) -> None:
        if moves:
            self._moves += [(move, self.steering.facts, now) for move in moves]
            self._act.set()
            self._schedule_all()

    def _schedule_all(self) -> None:
        for name in self._probers:
            self._schedule(name)

    def _schedule(self, name: str) -> None:
        self._probers[name].due(self.steering.health(name), self._turns[name])

    def _turn(self, name: str) -> None:
        """An uplink's timer. Before a probe is judged missing, what waits to be heard is heard, on all of them."""
        self._turning = name
        try:
            self._turn_now(name)
        finally:
            self._turning = ""
            self._schedule(name)

    def _turn_now(self, name: str) -> None:
        if self.steering.health(name).pending:
            self._probers[name].hear()
        now = self._loop.time()
        if overdue(self.steering.health(name), now):
            for prober in self._probers.values():
                prober.hear()
        self._probers[name].turn(self.steering.health(name), now)

    def _carrying(self, links: Mapping[str, Link]) -> str | None:
        interface = routes.carrying(links)
        return next((name for name, each in self._hardware.items() if each.interface == interface), None)

    def close(self) -> None:
        for prober in self._probers.values():
            prober.close()
