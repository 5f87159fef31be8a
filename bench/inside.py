"""The bench inside its namespaces: cables, hub, unit, twins and the page. SIGINT or SIGTERM ends it, traceless."""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from bench.handles import Handles
from bench.hub import BenchHub
from bench.processes import Processes, Program, inside
from bench.provisioned import ProvisionedHub, ProvisionedUnit
from bench.releasing import Releasing, keep_settled
from bench.unit import NAME, SERVICES, BenchUnit
from bench.unit_view import UnitView
from firmware import journal
from firmware.clock import now_rfc3339
from firmware.config import PowerHardware
from firmware.failover.tunnels import VOICE
from firmware.supply.battery import rated
from hw.agency.twin import AgencyTwin
from hw.cables.probe import Probe
from hw.cables.twin import CablesTwin
from hw.headset.twin import HeadsetTwin
from hw.modem.twin import ModemTwin
from hw.panel.twin import PanelTwin
from hw.power.factory import accept
from hw.power.twin import PowerTwin
from hw.twin import Twin

RUN, RUN_KB, STOP_S = Path(".run"), 4_096, 12.0
log = logging.getLogger("bench")


class Bench:
    """Everything of one bench, made in order and taken down in the reverse order."""

    def __init__(self, folder: Path, prefix: str, trial_s: float = 300.0, provisioned: Path | None = None) -> None:
        self.folder, self.trial_s = folder.absolute(), trial_s
        self.cables = CablesTwin(prefix)
        names, unit = self.cables.names, self.folder / "unit"
        headset = HeadsetTwin(unit / "headset", hid=True)
        self.unit = BenchUnit(unit, names, headset.environment)
        self.hub = BenchHub(self.folder / "hub", names)
        if provisioned is not None:
            self.unit = ProvisionedUnit(unit, names, headset.environment, provisioned / "identity")
            self.hub = ProvisionedHub(self.folder / "hub", names, provisioned / "agency", unit)
        self.processes = Processes(self.folder / "log")
        self.view = UnitView(NAME)
        self.agency = AgencyTwin(self.folder / "agency", VOICE.hub(), NAME, inside(names.hub, []))
        self.probe = Probe(names)
        self.power = PowerTwin(unit / "power")
        self.central_it = Releasing(self.folder / "hub" / "releases", self.site, self.look_for_updates)
        self.twins: dict[str, Twin] = {
            "uplink": self.cables,
            "panel": PanelTwin(unit / "panel"),
            "power": self.power,
            "modem": ModemTwin(unit / "modem"),
            "headset": headset,
        }

    async def start(self, stack: AsyncExitStack) -> None:
        self.unit.configure(self.hub.certify(NAME), self.hub.probing(NAME), self.trial_s)
        accept(self.unit.folder / "data", self.power.pack, rated(PowerHardware()), now_rfc3339())
        await asyncio.gather(*(self._start_twin(name, twin, stack) for name, twin in self.twins.items()))
        await self.unit.close_to_strangers()
        stack.push_async_callback(self.processes.stop)
        await self.processes.start(self.unit.system_bus())
        await self.processes.start(*self.unit.network(), *await self.unit.tunnel_ends())
        await asyncio.gather(
            self._start_twin("call", self.agency, stack),
            self.processes.start(*self.hub.programs(), self.releases(), *self.unit.services()),
        )
        await self._start_twin("probe", self.probe, stack)
        self.twins |= {"call": self.agency, "probe": self.probe, "release": self.central_it}
        self.unit.export_environment(self.folder / "environment")
        follow = asyncio.create_task(self.view.follow())
        stack.callback(follow.cancel)
        settle = asyncio.create_task(keep_settled(self.site, self.processes, SERVICES))
        stack.callback(settle.cancel)

    @property
    def site(self) -> Path:
        return Path(self.unit.environment["HDU_CONFIG"]) / "site.toml"

    def releases(self) -> Program:
        return self.hub.releases(self.unit.folder / "config" / "root.json")

    async def look_for_updates(self) -> None:
        await self.view.call("Updates", "Look")

    async def _start_twin(self, name: str, twin: Twin, stack: AsyncExitStack) -> None:
        (self.unit.folder / name).mkdir(parents=True, exist_ok=True)
        await twin.start()
        stack.push_async_callback(twin.close)


def fresh(folder: Path, stack: AsyncExitStack) -> Path:
    """An empty folder that goes with the bench."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def in_memory(folder: Path, size_kb: int, stack: AsyncExitStack) -> None:
    """A file system in memory: RUN, as /run is on a unit; and a disk small enough to be filled."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(folder)], check=True)
    stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)


def give_up(folder: Path) -> None:
    """A bench that cannot stop says where it hangs, and ends all the same."""
    for task in asyncio.all_tasks():
        log.error("still waiting after %g s: %s", STOP_S, task)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


async def serve(given: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    asyncio.get_running_loop().add_reader(given.lifeline, stopped.set)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        bench = Bench(fresh(RUN / str(given.port), stack), given.prefix, given.trial_s, given.provisioned)
        in_memory(bench.folder / "unit" / "run", RUN_KB, stack)
        if given.disk_kb:
            in_memory(bench.folder / "unit" / "data", given.disk_kb, stack)
        await bench.start(stack)
        handles = Handles(bench.twins, bench.processes, bench.view, bench.hub.console_socket)
        runner = web.AppRunner(handles.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, socket.socket(fileno=given.socket)).start()
        log.info("up after %.1f s", time.monotonic() - began)
        print(f"bench ready: http://127.0.0.1:{given.port}/", flush=True)
        await stopped.wait()
        asyncio.get_running_loop().remove_reader(given.lifeline)
        asyncio.get_running_loop().call_later(STOP_S, give_up, bench.folder)
        handles.closing.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.inside")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the page's listening socket")
    parser.add_argument("--lifeline", type=int, required=True, help="descriptor that ends when the bench must")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--prefix", default="", help="before the names of its namespaces, so that two stand side by side"
    )
    parser.add_argument(
        "--disk-kb", type=int, default=0, help="keep the unit's data on a disk of this size (0: no limit)"
    )
    parser.add_argument("--trial-s", type=float, default=300.0, help="how long new settings are on trial")
    parser.add_argument(
        "--provisioned", type=Path, help="a folder as of bench.provisioned (none: the bench's own unit)"
    )
    given = parser.parse_args()
    journal.set_up()
    try:
        asyncio.run(serve(given))
    except TimeoutError as error:
        raise SystemExit(f"bench: {error}; its log is in .run/{given.port}/log while it runs") from error


if __name__ == "__main__":
    main()
