"""What the uplinks service does for the voice plane and nothing more: pins held, copies on. Runs in the unit."""

import asyncio

from firmware import bus
from firmware.drivers.networkmanager import NetworkManager
from firmware.failover.tunnels import pins
from firmware.failover.voice_plane import NftCopying

UPLINKS = (("wan0", "ethernet"), ("wan1", "ethernet"), ("lte0", "lte"))


async def hold() -> None:
    driver = NetworkManager(bus.connect(), [name for name, _ in UPLINKS], pins(UPLINKS))
    await NftCopying().set(True)
    async for _ in driver.changes():
        pass


if __name__ == "__main__":
    asyncio.run(hold())
