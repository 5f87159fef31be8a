"""What every twin is: hardware that behaves, below the driver, and outlives the service that drives it."""

from typing import Protocol


class Twin(Protocol):
    """`state` is what `GET /twin/NAME` answers, `command` what `POST /twin/NAME` takes."""

    async def start(self) -> None:
        """The hardware is there when this returns."""

    def state(self) -> dict[str, object]:
        """What a person could see, hear or read on the hardware, as JSON types."""
        ...

    async def command(self, body: dict[str, object]) -> None:
        """Does to the hardware what `body` says; ValueError, in one line and with nothing changed, if it is wrong."""

    async def close(self) -> None:
        """The hardware is gone, with every file, process and socket of it."""
