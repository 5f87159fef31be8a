"""The metrics that make one uplink carry the default route; the others keep their order behind it. Pure."""

from collections.abc import Mapping, Sequence

from firmware.drivers.ports import Link

ACTIVE, STANDBY, STEP = 50, 1_000, 10


def metrics(interfaces: Sequence[str], active: str | None) -> dict[str, int]:
    """The metric of each interface; `interfaces` are in order of preference."""
    return {name: ACTIVE if name == active else STANDBY + STEP * place for place, name in enumerate(interfaces)}


def changes(links: Mapping[str, Link], interfaces: Sequence[str], active: str | None) -> dict[str, int]:
    """Which metrics must change, of the interfaces that are up in NetworkManager; nothing before one is chosen."""
    if active is None:
        return {}
    wanted = metrics(interfaces, active)
    ready = {name for name, link in links.items() if link.state == "activated" and link.metric is not None}
    return {name: metric for name, metric in wanted.items() if name in ready and links[name].metric != metric}


def carrying(links: Mapping[str, Link]) -> str | None:
    """The interface that a service before this one made active; None where there was none (a fresh start)."""
    return next((name for name, link in links.items() if link.metric == ACTIVE), None)
