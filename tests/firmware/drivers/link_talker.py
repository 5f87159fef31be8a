"""The NetworkManager driver in the unit's namespace, spoken to in lines: prints every change, does what it is told.

In: `metric wan0 900`, `activate wan0`, `table 102 open`.
Out: JSON, {"at": monotonic seconds, "links": {...}} or {"done": line, "error"}.
"""

import asyncio
import json
import sys
import time

import msgspec

from firmware import bus
from firmware.drivers.networkmanager import NetworkManager, NetworkManagerError
from firmware.failover.tunnels import pins

UPLINKS = (("wan0", "ethernet"), ("wan1", "ethernet"), ("lte0", "lte"))


def tell(**what: object) -> None:
    print(json.dumps({"at": time.monotonic(), **what}), flush=True)


async def watch(driver: NetworkManager) -> None:
    async for links in driver.changes():
        tell(links=msgspec.to_builtins(links))


async def obey(driver: NetworkManager, line: str) -> None:
    what, interface, *rest = line.split()
    if what == "table":
        driver.open_table(int(interface), rest == ["open"])
        return tell(done=line, error="")
    try:
        await (driver.set_metric(interface, int(rest[0])) if what == "metric" else driver.activate(interface))
    except NetworkManagerError as error:
        tell(done=line, error=type(error).__name__, text=str(error))
    else:
        tell(done=line, error="")
    return None


async def main() -> None:
    driver = NetworkManager(bus.connect(), [name for name, _ in UPLINKS], pins(UPLINKS))
    watching = asyncio.create_task(watch(driver))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        await obey(driver, line)
    watching.cancel()
    driver.close()


if __name__ == "__main__":
    asyncio.run(main())
