"""Who still answers: a service that hangs keeps its last words on the bus, and they must not pass for news.

Every EVERY_S each service is sent the bus's own Ping (D-Bus Specification, org.freedesktop.DBus.Peer), which its event
loop answers without any code of ours; one that has not answered within BOUND_S is silent until it does. A service that
died is no matter of this: the bus tells of it by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from sdbus import SdBus
from sdbus.dbus_exceptions import DbusNoReplyError, DbusTimeoutError

from firmware import bus

EVERY_S, BOUND_S = 0.8, 0.7
PEER = "org.freedesktop.DBus.Peer"


async def silent(on: SdBus, names: Iterable[str], every_s: float = EVERY_S) -> AsyncIterator[frozenset[str]]:
    """Which of the services `names` hang, at each change; a hang is told at most `every_s` + BOUND_S after it began.

    A service that does not answer is not asked again before it does, or the bus gives it up.
    """
    loop, every, asked = asyncio.get_running_loop(), tuple(names), dict[str, asyncio.Future[Any]]()
    known: frozenset[str] = frozenset()
    try:
        while True:
            next_at = loop.time() + every_s
            asked |= {name: _asked(on, name) for name in every if name not in asked}
            await asyncio.wait(asked.values(), timeout=BOUND_S)
            answered = {name for name, answer in asked.items() if answer.done() and _alive(answer)}
            asked = {name: answer for name, answer in asked.items() if not answer.done()}
            found = frozenset(asked) | (known - answered)
            if found != known:
                known = found
                yield known
            await asyncio.sleep(next_at - loop.time())
    finally:
        for answer in asked.values():
            answer.cancel()


def _asked(on: SdBus, name: str) -> asyncio.Future[Any]:
    message = on.new_method_call_message(bus.PREFIX + name, bus.path(name), PEER, "Ping")
    return asyncio.ensure_future(on.call_async(message))


def _alive(answer: asyncio.Future[Any]) -> bool:
    """False where the bus gave the answer up; that nobody owns the name is an answer, too."""
    return not isinstance(answer.exception(), DbusNoReplyError | DbusTimeoutError | TimeoutError)
