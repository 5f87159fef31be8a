"""The bench inside its namespaces: cables, hub, unit, twins and the page. SIGINT or SIGTERM ends it, traceless."""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from bench.handles import Handles
from bench.hub import BenchHub
from bench.processes import Processes
from bench.unit import NAME, BenchUnit
from bench.unit_view import UnitView
from firmware import journal
from hw.cables.topology import Topology
from hw.panel.twin import PanelTwin
from hw.power.twin import PowerTwin
from hw.twin import Twin

RUN = Path(".run")
log = logging.getLogger("bench")


class Bench:
    """Everything of one bench, made in order and taken down in the reverse order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.network = Topology()
        self.unit = BenchUnit(self.folder / "unit", self.network.names)
        self.hub = BenchHub(self.folder / "hub", self.network.names)
        self.processes = Processes(self.folder / "log")
        self.view = UnitView(NAME)
        self.twins: dict[str, Twin] = {
            "panel": PanelTwin(self.folder / "unit" / "panel"),
            "power": PowerTwin(self.folder / "unit" / "power"),
        }

    async def start(self, stack: AsyncExitStack) -> None:
        self._fresh_folder(stack)
        self.unit.configure(self.hub.certify(NAME))
        for name, twin in self.twins.items():
            (self.unit.folder / name).mkdir(parents=True, exist_ok=True)
            await twin.start()
            stack.push_async_callback(twin.close)
        await self.network.start()
        stack.push_async_callback(self.network.close)
        stack.push_async_callback(self.processes.stop)
        bus, manager = self.unit.system()
        await self.processes.start(bus)
        await self.processes.start(manager, *self.hub.programs(), *self.unit.services())
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.unit.bus.address
        self._environment()
        follow = asyncio.create_task(self.view.follow())
        stack.callback(follow.cancel)

    def _fresh_folder(self, stack: AsyncExitStack) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def _environment(self) -> None:
        """For the `hdu` command on the host: `. .run/PORT/environment`."""
        lines = [f"export {name}='{value}'\n" for name, value in self.unit.environment.items()]
        (self.folder / "environment").write_text("".join(lines))


async def serve(port: int, page: socket.socket, lifeline: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    asyncio.get_running_loop().add_reader(lifeline, stopped.set)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        bench = Bench(RUN / str(port))
        await bench.start(stack)
        handles = Handles(bench.twins, bench.processes, bench.view, bench.hub.console_socket)
        runner = web.AppRunner(handles.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, page).start()
        log.info("up after %.1f s", time.monotonic() - began)
        print(f"bench ready: http://127.0.0.1:{port}/", flush=True)
        await stopped.wait()
        asyncio.get_running_loop().remove_reader(lifeline)
        handles.closing.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.inside")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the page's listening socket")
    parser.add_argument("--lifeline", type=int, required=True, help="descriptor that ends when the bench must")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    journal.set_up()
    try:
        asyncio.run(serve(given.port, socket.socket(fileno=given.socket), given.lifeline))
    except TimeoutError as error:
        raise SystemExit(f"bench: {error}; its log is in .run/{given.port}/log while it runs") from error


if __name__ == "__main__":
    main()
