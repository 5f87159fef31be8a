"""A unit's calls service with a real softphone and headset, a real SIP server and a real phone, over a real cable."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from firmware import bus
from firmware.facts import Call
from hw.agency.twin import AgencyTwin
from hw.headset import sound
from hw.headset.twin import HeadsetTwin

HUB, UNIT = "10.79.0.1", "10.79.1.1"
NEEDED = ("baresip", "kamailio", "espeak-ng", "socat", "ip", "nsenter", "pulseaudio")
SITE = """[calls]
sip_host = "{hub}"
codecs = ["{codec}"]
encryption = "{encryption}"
register_retry_s = {retry_s}
transfer_target = "supervisor"
{calls}
"""
OWN = """name = "hdu-0001"
[headset]
alsa_device = "headset"
sensitivity_db_spl_per_v = 120.0
full_scale_v = 1.0
[softphone]
listen_address = "{unit}"
password_file = "{folder}/password"
[folders]
data = "{folder}/data"
run = "{folder}/run"
"""


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two network namespaces with one cable between them: (unit, hub)."""
    tag = uuid.uuid4().hex[:6]
    unit, hub = f"u{tag}", f"h{tag}"
    lines = [f"netns add {unit}", f"netns add {hub}", f"link add {unit} netns {unit} type veth peer {hub} netns {hub}"]
    for name, address in ((unit, UNIT), (hub, HUB)):
        lines += [f"-n {name} link set lo up", f"-n {name} addr add {address}/16 dev {name}"]
        lines += [f"-n {name} link set {name} up"]
    for line in lines:
        subprocess.run(["ip", *line.split()], check=True)
    try:
        yield unit, hub
    finally:
        for name in (unit, hub):
            subprocess.run(["ip", "netns", "del", name], check=True)


def inside(namespace: str) -> tuple[str, str]:
    return "nsenter", f"--net=/run/netns/{namespace}"


class Scene:
    """What a test does with them, and what the unit says of itself."""

    def __init__(
        self, folder: Path, agency: AgencyTwin, headset: HeadsetTwin, service: asyncio.subprocess.Process
    ) -> None:
        self.folder, self.agency, self.headset, self.service = folder, agency, headset, service
        self.bus = bus.connect()
        self.call: Call | None = None
        self.seen: list[Call] = []
        self.news = asyncio.Event()

    async def watch(self) -> None:
        async for call in bus.follow(self.bus, "Calls", Call):
            self.call = call
            self.seen += [call] if call else []
            self.news.set()

    async def until(self, holds: Callable[[Call], bool], within_s: float = 10.0) -> Call:
        try:
            async with asyncio.timeout(within_s):
                while self.call is None or not holds(self.call):
                    self.news.clear()
                    await self.news.wait()
                return self.call
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s; now {self.call}; agency {self.agency.state()}") from None

    async def do(self, method: str, signature: str = "", *args: object) -> None:
        await bus.call(self.bus, "Calls", method, signature, *args)

    async def ring(self) -> None:
        await self.until(lambda call: bool(call.registered))
        await self.agency.command({"action": "ring"})
        await self.until(lambda call: call.state == "ringing")

    async def talk(self) -> None:
        """Rings and answers."""
        await self.ring()
        await self.do("Answer")

    async def agency_hears(self, holds: Callable[[float], bool], within_s: float = 10.0) -> None:
        await eventually(lambda: (rms := self.agency.desk.rms) is not None and holds(rms), within_s)

    async def dispatcher_hears(self, holds: Callable[[float], bool], within_s: float = 10.0) -> None:
        """Listens at the ear, a tenth of a second at a time; between two sentences there is silence."""
        words = ("parec", "--raw", "--device=ear.monitor", "--format=s16le", "--channels=1", "--rate=8000")
        await self.headset.server.pactl("set-source-mute", "ear.monitor", "0")
        process = await self.headset.server.spawn(*words, "--latency-msec=20")
        assert process.stdout
        try:
            async with asyncio.timeout(within_s):
                while not holds(sound.rms(await process.stdout.readexactly(1_600))):
                    pass
        finally:
            process.kill()
            await process.wait()

    def listening(self, protocol: str = "tcp") -> list[tuple[str, int]]:
        """Every address and port of the unit's namespace that takes connections or datagrams (proc(5), as ss(8))."""
        table = Path(f"/proc/{self.softphone()}/net/{protocol}").read_text()
        rows = [line.split() for line in table.splitlines()[1:]]
        ends = [row[1].split(":") for row in rows if protocol == "udp" or row[3] == "0A"]
        return [(socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)) for address, port in ends]

    def idles(self) -> bool:
        """Its softphone takes less than half a core over a tenth of a second."""
        began = self._cpu_ticks()
        time.sleep(0.1)
        return self._cpu_ticks() - began < 5

    def _cpu_ticks(self) -> int:
        fields = Path(f"/proc/{self.softphone()}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def softphone(self) -> int:
        """Its process id."""
        found = subprocess.run(["pgrep", "-f", f"baresip -4 -f {self.folder}/run"], capture_output=True, text=True)
        (pid,) = found.stdout.split()
        return int(pid)


def is_gone(pid: int) -> bool:
    """Ended; a zombie that nobody has waited for has no command line any more."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return True


async def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    codec: str = "opus",
    encryption: str = "srtp-sdes",
    password: str = "a-secret",
    retry_s: float = 0.5,
    calls: str = "",
) -> AsyncIterator[Scene]:
    """Everything up; the dispatcher speaks all the time."""
    site = SITE.format(hub=HUB, codec=codec, encryption=encryption, retry_s=retry_s, calls=calls)
    (folder / "site.toml").write_text(site)
    (folder / "unit.toml").write_text(OWN.format(unit=UNIT, folder=folder))
    (folder / "password").write_text(f"{password}\n")
    async with contextlib.AsyncExitStack() as stack:
        ends = stack.enter_context(cable())
        headset = HeadsetTwin(folder / "headset")
        stack.push_async_callback(headset.close)
        agency = AgencyTwin(
            folder / "agency", HUB, prefix=inside(ends[1]), passwords={"hdu-0001": "a-secret"}, encryption=encryption
        )
        stack.push_async_callback(agency.close)
        await headset.start()
        await headset.command({"speaking": True})
        await agency.start()
        service = await asyncio.create_subprocess_exec(
            *(*inside(ends[0]), sys.executable, "-m", "firmware", "calls"),
            env={**os.environ, **headset.environment, "HDU_CONFIG": str(folder)},
        )
        stack.push_async_callback(_ended, service)
        here = Scene(folder, agency, headset, service)
        watching = asyncio.create_task(here.watch())
        stack.callback(watching.cancel)
        yield here


async def _ended(service: asyncio.subprocess.Process) -> None:
    if service.returncode is None:
        service.terminate()
    await service.wait()
