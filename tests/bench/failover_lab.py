"""One unit, one hub and the cables between them, for measuring: everything real, in namespaces of its own.

Each contestant gets a network like this to itself; only who moves the default route differs.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import Processes, Program, inside, python
from firmware.failover import probing, tunnels
from hw.cables import namespace
from hw.cables.delay import DelayLine
from hw.cables.faults import Fault, Router
from hw.cables.networkmanager import Command, NetworkManager, UnitBus
from hw.cables.topology import HUB, LINES, OTHERS, Topology, run
from hw.cables.tunnels import Tunnels

SITE_KEY = bytes(range(32))
UNIT_NAME = "hdu-0001"
SITE = """[hub]
host = "{hub}"
[failover]
targets = ["{other}"]
{settings}
"""
UNIT = """name = "{name}"
probing_key = "{folder}/probe.key"
voice_copies = "{copies}"
[folders]
data = "{folder}/data"
run = "{folder}/run"
"""
UPLINK = '[[uplinks]]\nname = "{0}"\nkind = "{1}"\ninterface = "{2}"\n'
ALL_TUNNELS = tuple(each.interface for each in tunnels.ALL)
KINDS = {"wired": ("ethernet", "wan0"), "wired2": ("ethernet", "wan1"), "lte": ("lte", "lte0")}


@dataclass
class Lab:
    """`start` makes it under `folder`; names of namespaces carry `prefix`. `settings` are lines of [failover]."""

    folder: Path
    prefix: str = ""
    uplinks: Sequence[str] = ("wired", "lte")
    settings: str = ""
    connectivity: str = ""
    copies: str = "nft"
    passes_dead_links: bool = True
    tunnels: Sequence[str] = ("wg-data",)
    others: Callable[[str], Awaitable[asyncio.Server]] | None = None
    marked_at: float = 0.0
    neighbours: Sequence[object] = ()  # other services of the unit, kept alive with it
    routers: dict[str, Router] = field(default_factory=dict)
    delays: dict[str, DelayLine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network = Topology(self.prefix)
        self.names = self.network.names
        self.bus = UnitBus(self.folder)
        self.manager = NetworkManager(self.folder, self.names.unit, self.bus)
        self.processes = Processes(self.folder / "log")
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address, "HDU_CONFIG": str(self.folder / "config")}

    async def start(self, stack: AsyncExitStack) -> None:
        """The network, the bus, NetworkManager, the hub's responder and the data tunnel; cables not used are out."""
        self.stack = stack
        self.folder.mkdir(parents=True, exist_ok=True)
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        await self.network.start()
        stack.push_async_callback(self.network.close)
        if not self.passes_dead_links:
            namespace.within(self.names.unit, _keep_dead_links)
        self._routers(stack)
        if self.others:
            server = await self.others(self.names.hub)
            stack.callback(server.close)
        stack.push_async_callback(self.processes.stop)
        await self.processes.start(self._program(self.bus.prepare(), self.bus.socket.exists))
        await self.processes.start(self._program(self._manager(), lambda: True), self._responder())
        if self.tunnels:
            await self._tunnel()
        await self._settled()

    def _routers(self, stack: AsyncExitStack) -> None:
        for name in KINDS:
            self.routers[name] = Router(self.names.router(name))
            stack.callback(self.routers[name].close)
            if name not in self.uplinks:
                self.routers[name].set(Fault(cable=False))

    def _manager(self) -> Command:
        command = self.manager.prepare()
        config = self.manager.folder / "nm.conf"
        if self.connectivity:
            config.write_text(config.read_text().replace("enabled=false", self.connectivity))
        return command

    def _program(self, command: Command, ready: object) -> Program:
        environment = {**command.environment, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        return Program(command.name, command.argv, environment, ready)  # type: ignore[arg-type]

    def _responder(self) -> Program:
        key = self.folder / "site.key"
        key.write_text(SITE_KEY.hex())
        argv = inside(self.names.hub, python("hub.responder", "--key", str(key), "--bind", HUB))
        log = self.folder / "log" / "responder.log"
        return Program("responder", argv, {}, lambda: log.exists() and "responder ready" in log.read_text())

    async def _tunnel(self) -> None:
        commands = [
            each
            for each in await Tunnels(self.folder, self.names).prepare()
            if each.name.split("-", 1)[1] in self.tunnels
        ]
        await self.processes.start(*(self._program(each, lambda: True) for each in commands))
        control = str(self.folder / "tunnels" / "unit-control")
        follow = inside(self.names.unit, python("hw.cables.follow", control))
        await self.processes.start(Program("follow", follow, {}, lambda: True))

    async def _settled(self) -> None:
        """Until NetworkManager has put its default routes in and the hub answers through the tunnel."""
        for _ in range(400):
            routes = await run("ip", "-n", self.names.unit, "route", "show", "default")
            if all(KINDS[name][1] in routes for name in self.uplinks) and await self._answers():
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"the network did not come up in {self.folder}")

    async def _answers(self) -> bool:
        if not self.tunnels:
            return True
        argv = inside(self.names.unit, ["ping", "-c1", "-W1", tunnels.DATA.hub()])
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    def unit_program(self, service: str) -> Program:
        """One of the unit's own services, configured for this network."""
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        unit_key = probing.unit_key(SITE_KEY, probing.identity(UNIT_NAME))
        (self.folder / "probe.key").write_text(unit_key.hex())
        (config / "site.toml").write_text(SITE.format(hub=HUB, other=OTHERS[0], settings=self.settings))
        uplinks = "".join(UPLINK.format(name, *KINDS[name]) for name in self.uplinks)
        (config / "unit.toml").write_text(UNIT.format(name=UNIT_NAME, folder=self.folder, copies=self.copies) + uplinks)
        argv = inside(self.names.unit, [sys.executable, "-m", "firmware", service])
        return Program(service, argv, {**os.environ, **self.environment})

    async def set(self, uplink: str, fault: Fault) -> None:
        """Puts a fault in force; delay goes by the router's delay line."""
        if fault.delay_ms != self.routers[uplink].fault.delay_ms:
            await self._delay(uplink, fault.delay_ms / 1000)
        self.routers[uplink].set(fault)

    async def _delay(self, uplink: str, delay_s: float) -> None:
        if uplink not in self.delays:
            inside = next(line.gateway for line in LINES if line.name == uplink)
            self.delays[uplink] = DelayLine(self.names.router(uplink), inside)
            self.stack.push_async_callback(self.delays[uplink].close)
        await self.delays[uplink].set(delay_s)

    async def active(self) -> str:
        """The uplink that the default route takes now."""
        out = await run("ip", "-n", self.names.unit, "route", "get", HUB)
        return next((name for name, (_, interface) in KINDS.items() if f"dev {interface} " in out), "none")

    async def routes(self) -> str:
        """The unit's default routes, in one line."""
        return "; ".join((await run("ip", "-n", self.names.unit, "route", "show", "default")).splitlines())

    async def flowing(self, uplink: str) -> bool:
        """Whether the stream really leaves by that uplink: many packets there, few anywhere else."""
        before = namespace.within(self.names.unit, _sent_packets)
        await asyncio.sleep(0.3)
        after = namespace.within(self.names.unit, _sent_packets)
        grown = {name: after[interface] - before[interface] for name, (_, interface) in KINDS.items()}
        return grown[uplink] > sum(number for name, number in grown.items() if name != uplink)


def _sent_packets() -> dict[str, int]:
    """Interface to packets sent, of this thread's namespace (proc_net(5))."""
    lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
    return {line.split(":")[0].strip(): int(line.split(":")[1].split()[9]) for line in lines}


def _keep_dead_links() -> None:
    Path("/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown").write_text("0")
