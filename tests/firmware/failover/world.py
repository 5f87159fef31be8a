"""A world for the pure brain: uplinks that answer or not, a hub that lives or not, and a clock of its own."""

import heapq
from typing import Literal

from msgspec import Struct

from firmware.config import FailoverPolicy
from firmware.facts import UplinkKind
from firmware.failover import steering
from firmware.failover.health import Answered, Carrier, Fact, Health, Sent, Tick, due_at, probe_at
from firmware.failover.policy import Move, Uplink

Line = Literal["ok", "cut", "blackhole", "slow"]
RTT_S: dict[UplinkKind, float] = {"ethernet": 0.024, "lte": 0.090}
SLOW_S = 0.8
TELL_S = 1.0


class Weather(Struct, frozen=True):
    """What is true for a while: of each uplink, of the hub, of the dispatcher."""

    lines: tuple[Line, ...]
    hub: bool = True
    in_call: bool | None = False
    panic: bool | None = False
    lasts_s: float = 1.0


class World:
    """Drives the steering as the shell does; `moves` are (time, move, weather)."""

    def __init__(self, kinds: tuple[UplinkKind, ...], settings: FailoverPolicy | None = None) -> None:
        self.kinds, self.now = kinds, 0.0
        names = [f"{kind}{place}" for place, kind in enumerate(kinds)]
        uplinks = tuple(Uplink(name, kinds[place], place, Health()) for place, name in enumerate(names))
        self.names = names
        self.steering = steering.begin(settings or FailoverPolicy(), uplinks, None, self.now)
        self.weather = Weather(tuple[Line, ...]("ok" for _ in kinds))
        self.moves: list[tuple[float, Move, Weather]] = []
        self._air: list[tuple[float, int, float]] = []
        self._tell_at = 0.0

    @property
    def active(self) -> Line | None:
        """The true state of the uplink that carries the unit."""
        name = self.steering.state.active
        return self.weather.lines[self.names.index(name)] if name else None

    def live(self, weather: Weather) -> None:
        """Lets `weather` be true for as long as it lasts."""
        self.weather, self._tell_at = weather, self.now
        for place, line in enumerate(weather.lines):
            self._tell(place, Carrier(line != "cut"))
        ends = self.now + weather.lasts_s
        while (at := self._next()) < ends:
            self.now = max(self.now, at)
            self._turn()
        self.now = ends

    def _next(self) -> float:
        due = [due_at(each.health) for each in self.steering.facts.uplinks]
        return min(*due, self._tell_at, self._air[0][0] if self._air else due[0])

    def _turn(self) -> None:
        if self._air and self._air[0][0] <= self.now:
            self._arrive(*heapq.heappop(self._air))
        elif self._tell_at <= self.now:
            self._tell_at = self.now + TELL_S
            weather = self.weather
            self.steering, moves = steering.told(self.steering, weather.in_call, weather.panic, 1.0, self.now)
            self._moved(moves)
        else:
            self._probe()

    def _probe(self) -> None:
        uplinks = self.steering.facts.uplinks
        place = min(range(len(uplinks)), key=lambda each: due_at(uplinks[each].health))
        if probe_at(uplinks[place].health) > self.now:
            self._tell(place, Tick())
            return
        self._tell(place, Sent())
        line = self.weather.lines[place]
        if self.weather.hub and line in ("ok", "slow"):
            delay = RTT_S[self.kinds[place]] + (2 * SLOW_S if line == "slow" else 0)
            heapq.heappush(self._air, (self.now + delay, place, self.now))

    def _arrive(self, at: float, place: int, sent_at: float) -> None:
        """An answer gets through where nothing is broken by then."""
        if self.weather.hub and self.weather.lines[place] in ("ok", "slow"):
            self._tell(place, Answered(sent_at, (at - sent_at) * 1000, (at - sent_at) * 500))

    def _tell(self, place: int, fact: Fact) -> None:
        self.steering, moves = steering.happened(self.steering, self.names[place], fact, self.now)
        self._moved(moves)

    def _moved(self, moves: tuple[Move, ...]) -> None:
        self.moves += [(self.now, move, self.weather) for move in moves]
