"""The uplinks' cables as a twin: what a person could do to each of them."""

import msgspec

from hw.cables.faults import Fault, Router
from hw.cables.topology import LINES, Topology

NAMES = tuple(line.name for line in LINES)
FIELDS = ("cable", "blackhole", "loss", "heal")


class CablesTwin:
    """What `POST /twin/uplink/NAME` takes: cable, blackhole (true, false, "up" or "down"), loss (0 to 1), heal."""

    def __init__(self, network: Topology) -> None:
        self.network = network
        self.routers: dict[str, Router] = {}

    async def start(self) -> None:
        self.routers = {name: Router(self.network.names.router(name)) for name in NAMES}

    async def close(self) -> None:
        for router in self.routers.values():
            router.close()

    def state(self) -> dict[str, object]:
        return {name: self._line(router.fault) for name, router in self.routers.items()}

    def _line(self, fault: Fault) -> dict[str, object]:
        return {"cable": fault.cable, "blackhole": fault.blackhole != "none", "loss": fault.loss}

    async def command(self, body: dict[str, object]) -> None:
        router = self.routers.get(str(body.get("name")))
        if router is None:
            raise ValueError(f"uplink: {body.get('name')} is not one of {', '.join(NAMES)}")
        changes = {key: value for key, value in body.items() if key != "name"}
        router.set(changed(router.fault, changes))


def changed(fault: Fault, changes: dict[str, object]) -> Fault:
    """`fault` with the changes a person asked for; ValueError in one line where they make no sense."""
    for key in changes:
        if key not in FIELDS:
            raise ValueError(f"uplink: {key} is not one of {', '.join(FIELDS)}")
    if changes.get("heal"):
        return Fault()
    if "blackhole" in changes:
        words = {True: "both", False: "none"}
        changes = {**changes, "blackhole": words.get(changes["blackhole"], changes["blackhole"])}  # type: ignore[call-overload]
    try:
        made = msgspec.convert({**msgspec.structs.asdict(fault), **changes}, Fault)
    except msgspec.ValidationError as error:
        raise ValueError(f"uplink: {error}") from error
    if not 0 <= made.loss <= 1:
        raise ValueError(f"uplink: loss {made.loss} is not between 0 and 1")
    return made
