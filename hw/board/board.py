"""What stands around a machine in QEMU, for programs that are not asyncio's: a thread that has the twins."""

import asyncio
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from hw.board.cables import UPLINKS
from hw.board.lines import Lines
from hw.board.monitor import Monitor, MonitorError
from hw.board.solder import Solder
from hw.board.usb import Adapter, adapter, redirected
from hw.headset.usb.twin import UsbHeadsetTwin
from hw.modem.mbim.twin import MbimTwin
from hw.modem.twin import ModemTwin
from hw.panel.twin import PanelTwin
from hw.power.ups_twin import UpsTwin
from hw.twin import Twin

WORDS = ("-qmp", "unix:qmp.sock", "-qtest", "unix:qtest.sock", "-qtest-log", "none")
SERIAL = ("modem", "ups")
USB = (*SERIAL, "headset", "mbim")
Result = TypeVar("Result")
ANSWER_S = 30.0


class Board:
    """The panel at the lines of the machine in `work`, and what is in `plugged` (USB) on its USB.

        with Board(work) as board, Machine(work, tools, *network(), *board.words) as run:
            board.command("panel", {"button": "panic", "action": "press"})

    The panel is at rest from the machine's first instruction, and again after each restart; like any hardware it
    outlives the machine, so one board serves machine after machine. A serial adapter cannot be in a snapshot (QEMU's
    savevm); the panel alone can.
    """

    def __init__(self, work: Path, plugged: Sequence[str] = ()) -> None:
        self.work, self.plugged, self.words = work, plugged, WORDS

    def __enter__(self) -> "Board":
        self._folder = tempfile.TemporaryDirectory(prefix="hdu-board-")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="board", daemon=True)
        self._thread.start()
        self._do(self._start(Path(self._folder.name)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def command(self, twin: str, body: dict[str, object]) -> None:
        """As `Twin.command`: panel, or what is plugged; ValueError where `body` is wrong."""
        self._do(self.twins[twin].command(body))

    def state(self, twin: str) -> dict[str, Any]:
        """As `Twin.state`: what a person could see of it now."""
        return self._do(_now(self.twins[twin]))

    def cable(self, uplink: str, plugged: bool) -> None:
        """ValueError where there is no such uplink, MonitorError where no machine runs that has it."""
        if uplink not in UPLINKS:
            raise ValueError(f"board: there is no cable {uplink!r}; there are {', '.join(UPLINKS)}")
        self.execute("set_link", name=f"{uplink}-card", up=plugged)

    def execute(self, command: str, **arguments: object) -> Any:
        """One command of QEMU's monitor (QMP); MonitorError where no machine runs, or QEMU refuses."""
        return self._do(self._monitor.execute(command, **arguments))

    def _do(self, what: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(ANSWER_S)

    async def _start(self, folder: Path) -> None:
        headset = UsbHeadsetTwin(self.work / "headset.sock")
        mbim = MbimTwin(self.work / "mbim.sock")
        made: dict[str, Twin] = {
            "modem": ModemTwin(folder),
            "ups": UpsTwin(folder),
            "headset": headset,
            "mbim": mbim,
        }
        plugs = {
            **{name: adapter(name, folder / name) for name in SERIAL},
            "headset": redirected(headset.port.socket),
            "mbim": redirected(mbim.port.socket),
        }
        panel = PanelTwin(folder)
        self.twins: dict[str, Twin] = {"panel": panel, **{name: made[name] for name in self.plugged}}
        self._lines = Lines(self.work / "qtest.sock", lambda gpio, lit: self._solder.lit(gpio, lit))
        self._solder = Solder(panel.socket, self._lines)
        self._monitor = Monitor(self.work / "qmp.sock", self._began, self._happened, self._ended)
        self._adapters = [Adapter(self._monitor, name, plugs[name]) for name in self.plugged]
        self._tasks: list[asyncio.Task[None]] = []
        for twin in self.twins.values():
            await twin.start()
        await self._lines.port.start()
        await self._monitor.port.start()

    async def _close(self) -> None:
        self._ended()
        await self._monitor.port.close()
        await self._lines.port.close()
        for twin in self.twins.values():
            await twin.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _began(self) -> None:
        """A machine has connected."""
        parts = await self._monitor.execute("qom-list", path="/machine/unattached")
        name = next((each["name"] for each in parts if each["type"] == "child<pl061>"), None)
        if name is None:
            raise MonitorError("board: this machine has no PL061, so it has no panel; use -M virt")
        await self._lines.solder(f"/machine/unattached/{name}")
        await self._solder.connect()
        self._tasks = [asyncio.create_task(each.follow()) for each in self._adapters]

    def _happened(self, event: str) -> None:
        if event in ("RESET", "RESUME"):
            self._solder.read()

    def _ended(self) -> None:
        self._solder.cut()
        for task in self._tasks:
            task.cancel()


async def _now(twin: Twin) -> dict[str, object]:
    return twin.state()
