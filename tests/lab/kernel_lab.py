"""The lab as a unit has it: WireGuard is the kernel's, and all four tunnels are NetworkManager's own, from the profiles
that provisioning writes. The hub's ends are the kernel's too, set up from `hub.tunnels`."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from firmware.failover import profiles
from firmware.failover.tunnels import ALL, Tunnel
from hub import tunnels as hub_tunnels
from hw.cables import namespace
from hw.cables.networkmanager import Command
from hw.cables.topology import HUB, ip, run
from hw.cables.tunnels import keys
from tests.bench.failover_lab import ALL_TUNNELS, Lab

NUMBER = 1


@dataclass
class KernelLab(Lab):
    """See `Lab`; `start` as there."""

    copies: str = "mirror"
    uplinks: tuple[str, ...] = ("wired", "wired2", "lte")
    tunnels: tuple[str, ...] = ALL_TUNNELS

    async def start(self, stack: AsyncExitStack) -> None:
        self.unit_keys = await keys(self.folder / "keys", "unit")
        self.hub_keys = await keys(self.folder / "keys", "hub")
        await super().start(stack)

    def _manager(self) -> Command:
        """NetworkManager, which here owns the tunnels as well."""
        command = super()._manager()
        config = self.manager.folder / "nm.conf"
        config.write_text(config.read_text().replace("interface-name:wg-*;", ""))
        private = {name: key for name, (key, _) in self.unit_keys.items()}
        public = {name: key for name, (_, key) in self.hub_keys.items()}
        for name, text in profiles.keyfiles(NUMBER, HUB, private, public).items():
            self._secret(self.manager.folder / "profiles" / name, text)
        return command

    def _secret(self, file: Path, text: str) -> Path:
        file.touch(mode=0o600)
        file.write_text(text)
        return file

    async def _tunnel(self) -> None:
        """The hub's ends; the unit's come by themselves."""
        await ip(self.names.hub, *hub_tunnels.standing_lines())
        for tunnel in ALL:
            await self._hub_end(tunnel)
        await run(*namespace.command(self.names.hub, "nft", "-f", "-"), given=hub_tunnels.TABLE)

    async def _hub_end(self, tunnel: Tunnel) -> None:
        private, unit = self.hub_keys[tunnel.interface][0], self.unit_keys[tunnel.interface][1]
        text = hub_tunnels.configuration(tunnel, private, {NUMBER: unit})
        file = self._secret(self.folder / f"{tunnel.interface}.conf", text)
        await ip(self.names.hub, f"link add {tunnel.interface} type wireguard")
        await run(*namespace.command(self.names.hub, "wg", "setconf", tunnel.interface, str(file)))
        await ip(self.names.hub, *hub_tunnels.interface_lines(tunnel))

    async def in_unit(self, *argv: str) -> str:
        """What a command in the unit's namespace prints."""
        bus = f"DBUS_SYSTEM_BUS_ADDRESS={self.bus.address}"
        return await run(*namespace.command(self.names.unit, "env", bus, *argv))

    async def in_hub(self, *argv: str) -> str:
        """What a command in the hub's namespace prints."""
        return await run(*namespace.command(self.names.hub, *argv))
