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
    return str(found[1])  # a variant: (signature, value)


def document() -> str:
    """The status document as JSON; Failure where the unit does not answer."""
    try:
        return asyncio.run(_document())
    except bus.BusError as error:
        raise Failure(
            f"hdu: the unit does not answer ({error}); on the bench, first: . .run/PORT/environment"
        ) from error


def status(text: str | None = None) -> facts.Status:
    """What a document says, the unit's own as it is now where none is given; Failure where it is not whole."""
    try:
        return msgspec.json.decode(document() if text is None else text, type=facts.Status)
    except msgspec.DecodeError as error:
        raise Failure(f"hdu: the unit's status document is refused: {error}; look at the log of status") from error
