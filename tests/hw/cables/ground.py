"""The whole ground for a test: network, routers, bus, NetworkManager, tunnels, and processes of the unit."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType

from hw.cables import namespace
from hw.cables.delay import DelayLine
from hw.cables.faults import Router
from hw.cables.networkmanager import Command, NetworkManager, UnitBus
from hw.cables.topology import LINES, Topology, ip, run
from hw.cables.tunnels import Tunnels

COUNT = iter(range(1_000_000))


def prefix() -> str:
    """A prefix that no other test on this machine has just now."""
    return f"t{os.getpid()}-{next(COUNT)}-"


async def until(true: Callable[[], object], bound_s: float = 10.0, what: str = "") -> None:
    """Returns when `true()` is; AssertionError after the bound."""
    ends = time.monotonic() + bound_s
    while not true():
        assert time.monotonic() < ends, f"not within {bound_s} s: {what or true}"
        await asyncio.sleep(0.005)


class Ground:
    """`async with Ground(folder) as ground`: everything up; afterwards nothing is left."""

    def __init__(self, folder: Path, *, manager: bool = True, tunnels: bool = True) -> None:
        self.folder, self.manager, self.tunnels = folder, manager, tunnels
        self.topology = Topology(prefix())
        self.names = self.topology.names
        self.bus = UnitBus(folder)
        self.commands: dict[str, Command] = {}
        self.children: dict[str, asyncio.subprocess.Process] = {}
        self.routers: dict[str, Router] = {}
        self._stack = AsyncExitStack()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}

    async def __aenter__(self) -> "Ground":
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        await self.topology.start()
        self._stack.push_async_callback(self.topology.close)
        for line in LINES:
            self.routers[line.name] = Router(self.names.router(line.name))
            self._stack.callback(self.routers[line.name].close)
        self._stack.push_async_callback(self._end_all)
        await self.run(self.bus.prepare())
        await until(self.bus.socket.exists, what="the bus")
        if self.manager:
            await self.run(NetworkManager(self.folder, self.names.unit, self.bus).prepare())
            await self.unit_routes(3)
        else:
            await self.topology.static()
            await self._pins()
        if self.tunnels:
            for command in await Tunnels(self.folder, self.names).prepare():
                await self.run(command)

    async def _pins(self) -> None:
        """The pinned routes by hand."""
        lines = [(101, LINES[0]), (101, LINES[1]), (102, LINES[2])]
        for table, line in lines:
            route = f"route add default via {line.gateway} dev {line.interface} table {table} metric {line.metric}"
            await ip(self.names.unit, route)

    async def run(self, command: Command) -> None:
        """Starts a command, or starts it again."""
        self.commands[command.name] = command
        log = (self.folder / f"{command.name}.log").open("ab")
        with log:
            self.children[command.name] = await asyncio.create_subprocess_exec(
                *command.argv, env={**self.environment, **command.environment}, stdout=log, stderr=log
            )

    async def python(self, name: str, *arguments: str) -> None:
        """Starts our Python in the unit's namespace."""
        argv = namespace.command(self.names.unit, sys.executable, *arguments)
        await self.run(Command(name, argv, {"PYTHONPATH": str(Path.cwd())}))

    async def kill(self, name: str) -> None:
        """SIGKILL, and gone when this returns."""
        self.children[name].kill()
        await self.children[name].wait()

    async def restart(self, name: str) -> None:
        await self.run(self.commands[name])

    @asynccontextmanager
    async def delayed(self, name: str, delay_s: float) -> AsyncIterator[None]:
        """One line takes so much longer, each way."""
        (line,) = [each for each in LINES if each.name == name]
        delay = DelayLine(self.names.router(name), line.gateway)
        await delay.set(delay_s)
        try:
            yield
        finally:
            await delay.close()

    async def _end_all(self) -> None:
        for child in reversed(self.children.values()):
            if child.returncode is None:
                child.kill()
                await child.wait()

    async def unit(self, *argv: str) -> str:
        """What a command in the unit's namespace prints."""
        bus = f"DBUS_SYSTEM_BUS_ADDRESS={self.bus.address}"
        return await run(*namespace.command(self.names.unit, "env", bus, *argv))

    async def hub(self, *argv: str) -> str:
        """What a command in the hub's namespace prints."""
        return await run(*namespace.command(self.names.hub, *argv))

    async def unit_routes(self, count: int, table: str = "main", bound_s: float = 10.0) -> None:
        """Until the unit has so many default routes in a table."""
        ends = time.monotonic() + bound_s
        while (await self._defaults(table)) != count:
            assert time.monotonic() < ends, f"{await self._defaults(table)} default routes in {table}, not {count}"
            await asyncio.sleep(0.01)

    async def _defaults(self, table: str) -> int:
        argv: Sequence[str] = ("ip", "-o", "-4", "route", "show", "table", table, "default")
        try:
            return len((await self.unit(*argv)).splitlines())
        except Exception:
            return 0  # the table does not exist while it is empty
