"""Asking the unit over its bus."""

import asyncio

import msgspec

from firmware import bus, facts
from hdu.failure import Failure


async def _document() -> str:
    of = bus.interface("Status")
    found = await bus.call_any(
        bus.connect(), bus.PREFIX + "Status", bus.path("Status"), bus.PROPERTIES, "Get", "ss", of, "Document"
    )
    return str(found[1])


def document() -> str:
    """The status document as JSON; Failure where the unit does not answer."""
    try:
        return asyncio.run(_document())
    except bus.BusError as error:
        raise Failure(
            f"hdu: the unit does not answer ({error}); on the bench, first: . .run/PORT/environment"
        ) from error


def status() -> facts.Status:
    return msgspec.json.decode(document(), type=facts.Status)
