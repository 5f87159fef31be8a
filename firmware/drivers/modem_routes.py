"""The metric of a link that is a modem's.

NetworkManager (1.52) takes a modem's address away when its metric is reapplied: what the modem gave is not kept for it.
So the route that NetworkManager makes stands behind all others (the profile says where), and one of ours before it.
"""

from firmware.drivers.pinned_routes import MAIN, PinnedRoutes, standing
from firmware.drivers.ports import Link


class ModemRoutes:
    """Metrics that were set, by interface; those of a life of this service before stand on."""

    def __init__(self) -> None:
        self._metrics = standing(MAIN)
        self._tables = dict.fromkeys(self._metrics, MAIN)
        self._routes = PinnedRoutes(self._tables)

    def metric(self, interface: str, of_profile: int | None) -> int | None:
        """What is in force; the profile's own until another was set, and None where there is no route at all."""
        return None if of_profile is None else self._metrics.get(interface, of_profile)

    def set(self, interface: str, metric: int) -> None:
        """In force at the next `hold`."""
        self._metrics[interface], self._tables[interface] = metric, MAIN

    def hold(self, link: Link) -> None:
        """Our route as it should be now; OSError where the kernel refuses."""
        if link.interface in self._metrics:
            self._routes.hold(link)

    def close(self) -> None:
        self._routes.close()
