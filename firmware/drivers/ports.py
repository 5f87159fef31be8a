"""What each piece of hardware can do, whoever makes it; the files beside this one say how."""

from collections.abc import AsyncIterator, Mapping
from typing import Literal, Protocol

from firmware.facts import Fact

DeviceState = Literal["unmanaged", "unavailable", "disconnected", "activating", "activated", "deactivating", "failed"]


class Link(Fact, frozen=True):
    """One network interface. `carrier` is the kernel's word, `state` NetworkManager's; None is unknown.

    `metric` is that of its IPv4 default route: the lowest carries what is not pinned elsewhere.
    """

    interface: str
    carrier: bool | None = None
    state: DeviceState | None = None
    address: str = ""
    gateway: str = ""
    metric: int | None = None


class Links(Protocol):
    """Who owns the network interfaces of the unit. Errors are of its own tree and end in what to do."""

    def state(self) -> Mapping[str, Link]:
        """The links as last known, by interface."""

    def changes(self) -> AsyncIterator[Mapping[str, Link]]:
        """The links now, and again at every difference; a lost carrier within milliseconds."""

    async def set_metric(self, interface: str, metric: int) -> None:
        """Moves the interface's default routes to `metric` without interrupting what flows over it."""

    async def activate(self, interface: str) -> None:
        """Brings the interface up with the profile that fits it best."""

    def close(self) -> None:
        """Stops watching."""
