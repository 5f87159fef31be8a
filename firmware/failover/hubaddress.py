"""The hub's address for probing, asked of DNS only where it is a name, and kept while DNS does not answer."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

AGAIN_S, KEPT_S = 2.0, 600.0
log = logging.getLogger("hubaddress")


async def resolved(host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """The address now and at each change, for ever; an address in figures is itself."""
    known: tuple[str, int] | None = None
    while True:
        found = await _ask(host, port)
        if found and found != known:
            known = found
            yield found
        await asyncio.sleep(KEPT_S if found else AGAIN_S)


async def _ask(host: str, port: int) -> tuple[str, int] | None:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError as error:
        log.warning("%s has no address now (%s); is DNS reachable?", host, error)
        return None
    return str(found[0][4][0]), port
