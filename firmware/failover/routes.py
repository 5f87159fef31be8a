"""The metrics that make one uplink carry the default route; the others keep their order behind it. Pure.

The active uplink's metric is ACTIVE or a little less: the new one is put just below the old one, which is one change
and takes effect by itself; putting the old one back among the others can wait until that is done.
"""

from collections.abc import Mapping, Sequence

from firmware.drivers.ports import Link

ACTIVE, STANDBY, STEP = 50, 1_000, 10


def first(links: Mapping[str, Link], interfaces: Sequence[str], active: str | None) -> dict[str, int]:
    """The one change that makes `active` carry the route; nothing where it does already, or none is chosen."""
    if active is None or not _ready(links.get(active)):
        return {}
    own = links[active].metric or 0
    others = [
        link.metric or 0 for name, link in links.items() if name in interfaces and name != active and _ready(link)
    ]
    least = min(others, default=STANDBY)
    return {} if own <= ACTIVE and own < least else {active: max(min(ACTIVE, least - 1), 1)}


def rest(links: Mapping[str, Link], interfaces: Sequence[str], active: str | None) -> dict[str, int]:
    """Every other change, once the first is done: the others in their order of preference."""
    if active is None:
        return {}
    wanted = {name: STANDBY + STEP * place for place, name in enumerate(interfaces) if name != active}
    return {name: metric for name, metric in wanted.items() if _differs(links.get(name), metric)}


def carrying(links: Mapping[str, Link]) -> str | None:
    """The interface that a service before this one made active; None where there was none (a fresh start)."""
    chosen = {link.metric: name for name, link in links.items() if link.metric is not None and link.metric <= ACTIVE}
    return chosen[min(chosen)] if chosen else None


def _ready(link: Link | None) -> bool:
    """Whether NetworkManager has the interface up, with a default route."""
    return link is not None and link.state == "activated" and link.metric is not None


def _differs(link: Link | None, metric: int) -> bool:
    return link is not None and _ready(link) and link.metric != metric
