"""The calls service with a real softphone, a real SIP server and a real phone at the other end of a cable."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sdbus import SdBus

from firmware import bus
from firmware.facts import Call
from hw.agency.twin import AgencyTwin

NEEDED = ("baresip", "kamailio", "espeak-ng", "socat", "ip", "nsenter")
MISSING = [name for name in NEEDED if not shutil.which(name)]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}; run inside bench/machine/enter"),
    pytest.mark.usefixtures("private_bus"),
]
HUB, UNIT = "10.79.0.1", "10.79.1.1"


@pytest.fixture
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
    yield unit, hub
    for name in (unit, hub):
        subprocess.run(["ip", "netns", "del", name], check=True)


class Scene:
    """A unit's calls service and an agency, and what the unit says of itself."""

    def __init__(self, folder: Path, cable: tuple[str, str], private_bus: SdBus, agency: AgencyTwin) -> None:
        self.folder, self.cable, self.bus, self.agency = folder, cable, private_bus, agency
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

    async def talk(self) -> None:
        """Rings and answers."""
        await self.until(lambda call: bool(call.registered))
        await self.agency.command({"action": "ring"})
        await self.until(lambda call: call.state == "ringing")
        await self.do("Answer")

    def softphone(self) -> int:
        """Its process id."""
        found = subprocess.run(["pgrep", "-f", f"baresip -4 -f {self.folder}/run"], capture_output=True, text=True)
        (pid,) = found.stdout.split()
        return int(pid)


async def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


SITE = """[calls]
sip_host = "{hub}"
codecs = ["{codec}"]
register_retry_s = 0.5
"""
OWN = """name = "hdu-0001"
[softphone]
listen_address = "{unit}"
password_file = "{folder}/password"
[folders]
data = "{folder}/data"
run = "{folder}/run"
"""


@contextlib.asynccontextmanager
async def scene(folder: Path, cable: tuple[str, str], codec: str = "opus") -> AsyncIterator[Scene]:
    (folder / "site.toml").write_text(SITE.format(hub=HUB, codec=codec))
    (folder / "unit.toml").write_text(OWN.format(unit=UNIT, folder=folder))
    (folder / "password").write_text("a-secret\n")
    agency = AgencyTwin(
        folder / "agency", HUB, prefix=("nsenter", f"--net=/run/netns/{cable[1]}"), passwords={"hdu-0001": "a-secret"}
    )
    await agency.start()
    service = await asyncio.create_subprocess_exec(
        *("nsenter", f"--net=/run/netns/{cable[0]}", sys.executable, "-m", "firmware.calls"),
        env={**os.environ, "HDU_CONFIG": str(folder)},
    )
    here = Scene(folder, cable, bus.connect(), agency)
    watching = asyncio.create_task(here.watch())
    try:
        yield here
    finally:
        watching.cancel()
        service.terminate()
        await service.wait()
        await agency.close()


async def test_a_call_is_registered_rung_answered_heard_and_hung_up(tmp_path: Path, cable: tuple[str, str]) -> None:
    async with scene(tmp_path, cable) as here:
        await here.talk()
        call = await here.until(lambda call: call.state == "active" and call.mos is not None, within_s=15)
        assert (call.codec, call.secure, call.lost_calls, call.lost_frames) == ("opus", True, 0, 0)
        assert call.mos and call.mos > 4
        assert call.longest_gap_ms and call.longest_gap_ms >= 20
        await eventually(lambda: (here.agency.heard_rms() or 0) > 0.05)
        await here.do("HangUp")
        await here.until(lambda call: call.state == "idle")
        await eventually(lambda: here.agency.state()["state"] == "idle")
        for each in here.seen:
            print(each)
