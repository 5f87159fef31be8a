"""One uplink's probing: its sockets and its one timer, around the pure machine. Thin."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware.failover import health as strikes
from firmware.failover.echo import Echo
from firmware.failover.health import Fact, Health, Near, Other, Sent, Tick, Traffic
from firmware.failover.others import Others

Happened = Callable[[str, Fact, float], None]
OTHERS_EVERY_S = 0.5
COUNTER = "/sys/class/net/{}/statistics/rx_packets"


class Prober:
    """Asks through one uplink when the machine says so and hands on what happened; `look` shows the machine's state.

    `hub` is where the hub's responder is (None: not yet known); `targets` are who else is asked when it is silent, and
    so is the uplink's own `gateway` (empty: none).
    """

    def __init__(
        self, name: str, echo: Echo, others: Others, tunnel: str, targets: Sequence[str], happened: Happened
    ) -> None:
        self.name, self.echo, self.others = name, echo, others
        self.hub: tuple[str, int] | None = None
        self._targets = tuple(targets)
        self.gateway = ""
        self._happened, self._loop = happened, asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._counter = Path(COUNTER.format(tunnel)) if tunnel else None
        self._traffic, self._asked_others_at = 0, 0.0
        self._listening = False
        self._listen(True)
        if others.socket:
            self._loop.add_reader(others.socket, self._hear_others)

    def due(self, health: Health, then: Callable[[], None]) -> None:
        """Calls `then` when the machine must be asked and not before; replaces what was due.

        The answers of a calm uplink wait for that in the socket, with the kernel's time on them.
        """
        at = strikes.due_at(health)
        self._listen(not strikes.calm(health))
        if self._timer:
            if self._timer.when() == at:
                return
            self._timer.cancel()
        when = at if at > 0 else self._loop.time()  # -NEVER: at once
        self._timer = None if at == strikes.NEVER else self._loop.call_at(when, then)

    def _listen(self, on: bool) -> None:
        if on is self._listening:
            return
        self._listening = on
        if on:
            self._loop.add_reader(self.echo.socket, self._hear_one)
        else:
            self._loop.remove_reader(self.echo.socket)

    def hear(self, at_most: float = strikes.NEVER) -> None:
        """Everything that has come in (of so many datagrams), told at the time it came."""
        for at, answered in self.echo.heard(at_most):
            self._happened(self.name, answered, at)

    def _hear_one(self) -> None:
        """The loop says it again where there are more; asking for more than one each time costs a call in vain."""
        self.hear(1)

    def turn(self, health: Health, now: float) -> None:
        """What is due now: a probe, or the count of one that is missing."""
        if strikes.overdue(health, now) and self._moved():
            self._happened(self.name, Traffic(), now)
        if strikes.probe_at(health) > now:
            self._happened(self.name, Tick(), now)
            return
        if self.hub:
            self.echo.send(self.hub, now)
        self._happened(self.name, Sent(), now)
        if health.state == "down" and now - self._asked_others_at >= OTHERS_EVERY_S:
            self._asked_others_at = now
            self.others.ask((*self._targets, self.gateway) if self.gateway else self._targets)

    def _hear_others(self) -> None:
        answered = self.others.answered()
        if answered - {self.gateway}:
            self._happened(self.name, Other(), self._loop.time())
        if self.gateway in answered:
            self._happened(self.name, Near(), self._loop.time())

    def _moved(self) -> bool:
        """Whether the uplink's own tunnel took in anything since it was last looked at."""
        if self._counter is None:
            return False
        try:
            count = int(self._counter.read_text())
        except (OSError, ValueError):
            return False
        before, self._traffic = self._traffic, count
        return count > before > 0

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._listen(False)
        self.echo.close()
        if self.others.socket:
            self._loop.remove_reader(self.others.socket)
        self.others.close()
