"""A unit whose updates service follows a signed repository on a real web server, and whose other services say what a
test lets them say."""

import asyncio
import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firmware import bus, facts
from firmware.configfile import SEAL
from hw.slots.ground import Slots
from tests.firmware.conftest import Followed
from tests.firmware.service_scene import ROOT, Service, eventually
from tests.hdu.test_publish import serving
from tests.hub.updates.conftest import Agency

OUT = 'id = "{id}"\nurgent = true\nkind = "site"\ntarget = "site/{id}.toml"\nversion = "{version}"\n'
OUT += "[percent]\nall = 100\n"
SITE = '[updates]\nurl = "{url}"\npoll_s = 1\nquiet_minutes = 0\n'
UNIT = 'name = "hdu-0001"\n[updates]\nroot = "{root}"\nbundles = "none"\ntrial_s = 1.5\n[folders]\ndata = "{at}/data"\n'


Follow = Callable[[str, type], Followed]


@dataclass
class Scene:
    """A unit whose other services say what the test lets them say."""

    folder: Path
    agency: Agency
    exports: dict[str, bus.Export[Any]] = field(default_factory=dict)
    published: dict[str, bytes] = field(default_factory=dict)

    async def say(self, **services: Any) -> None:
        for name, fact in services.items():
            if name not in self.exports:
                self.exports[name] = bus.Export(bus.connect(), name, fact)
                await self.exports[name].own()
            self.exports[name].set(fact)

    def offer(self, version: str, settings: str) -> None:
        """Publishes settings for everybody, at once."""
        id = f"site-{version}"
        self.published |= {f"site/{id}.toml": settings.encode()}
        self.published |= {f"rollouts/{id}": OUT.format(id=id, version=version).encode()}
        self.agency.release(self.published)

    @property
    def settings(self) -> str:
        """Those in force, without their seal."""
        return SEAL.sub(b"", (self.folder / "site.toml").read_bytes()).decode()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Agency, str]]:
    agency = Agency(tmp_path / "agency")
    agency.ceremony()
    agency.release({})
    with serving(agency.public) as url:
        yield agency, url


@pytest.fixture
async def scene(tmp_path: Path, private_bus: str, web: tuple[Agency, str]) -> AsyncIterator[Scene]:
    agency, url = web
    (tmp_path / "root.json").write_bytes((agency.public / "metadata/1.root.json").read_bytes())
    (tmp_path / "site.toml").write_text(SITE.format(url=url))
    (tmp_path / "unit.toml").write_text(UNIT.format(root=tmp_path / "root.json", at=tmp_path))
    made = Scene(tmp_path, agency)
    wired = facts.Uplink(name="wired", kind="ethernet", state="up", active=True)
    await made.say(
        Power=facts.Power(source="mains"),
        Uplinks=facts.Uplinks(uplinks=(wired,)),
        Calls=facts.Call(state="idle"),
        Shift=facts.Shift(on=False),
        HubLink=facts.Hub(connected=True),
        Clock=facts.Clock(error_ms=1.0),
    )
    yield made
    for each in made.exports.values():
        each.bus.close()


@dataclass
class Machine:
    """The unit with slots: RAUC over plain files, and a restart that stops both services and boots what is primary."""

    scene: Scene
    ground: Slots
    updates: Service
    installer: asyncio.subprocess.Process | None = None
    slot: str = "A"

    async def boot(self, release_runs: bool = True) -> None:
        """As a power-on: RAUC and the updates service from the slot that the boot loader takes."""
        await self.off()
        slot = self.ground.primary if release_runs else "A"
        (self.scene.folder / "cmdline").write_text(f"quiet rauc.slot={slot}\n")
        (self.scene.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        (self.scene.folder / "restart").unlink(missing_ok=True)
        self.slot = slot
        await self.start_installer()
        await self.updates.start()

    async def start_installer(self) -> None:
        """RAUC of the booted slot; one that runs ends, whatever it is doing, with what it has started."""
        await self.stop_installer()
        with (self.ground.folder / "rauc.log").open("ab") as log:
            self.installer = await asyncio.create_subprocess_exec(
                *self.ground.command(self.slot), stdout=log, stderr=log, start_new_session=True
            )
        await self.answers()

    async def stop_installer(self) -> None:
        if self.installer is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.installer.pid, signal.SIGKILL)
            await self.installer.wait()

    async def holds(self) -> None:
        """Returns when an install is held in its last moment (`Slots.hold`)."""
        await eventually(self.ground.held, f"it is installed but for the last word: {self.updates.words()}", 90)

    async def broken_off(self) -> None:
        """Returns when the service has asked for it; RAUC is then started again, as systemd does it."""
        asked = self.scene.folder / "break-off"
        await eventually(asked.exists, f"it is broken off: {self.updates.words()}", 30)
        asked.unlink()
        await self.start_installer()

    async def answers(self) -> None:
        """RAUC has its name on the bus."""
        for _ in range(400):
            with contextlib.suppress(bus.BusError):
                ask = bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "GetNameOwner", "s", "de.pengutronix.rauc"
                await bus.call_any(self.scene.exports["Calls"].bus, *ask)
                return
            await asyncio.sleep(0.05)
        raise AssertionError((self.ground.folder / "rauc.log").read_text())

    async def off(self) -> None:
        if self.updates.alive():
            await self.updates.kill()
        await self.stop_installer()

    async def offer(self, version: str, content: bytes, urgent: bool = True) -> None:
        bundle = await self.ground.bundle(version, content)
        id = f"hdu-{version}"
        out = (
            (OUT if urgent else OUT.replace("urgent = true\n", ""))
            .replace('"site"', '"bundle"')
            .replace("site/{id}.toml", "bundles/{id}.raucb")
        )
        self.scene.published |= {f"bundles/{id}.raucb": bundle.read_bytes()}
        self.scene.published |= {f"rollouts/{id}": out.format(id=id, version=version).encode()}
        self.scene.agency.release(self.scene.published)

    def restarts(self) -> bool:
        return (self.scene.folder / "restart").exists()


@pytest.fixture
async def machine(scene: Scene) -> AsyncIterator[Machine]:
    if not shutil.which("rauc"):
        pytest.skip("rauc is not here; run inside bench/machine/enter")
    unit = scene.folder / "unit.toml"
    power = f'[power]\nrestart_command = ["touch", "{scene.folder}/restart"]\n'
    break_off = f'"download"\nbreak_off_command = ["touch", "{scene.folder}/break-off"]'
    unit.write_text(unit.read_text().replace('"none"', break_off).replace("1.5", "2.0") + power)
    cmdline, boot = str(scene.folder / "cmdline"), str(scene.folder / "boot_id")
    booted = str(ROOT / "tests/firmware/booted_release.py")
    updates = Service(scene.folder, booted, HDU_CMDLINE=cmdline, HDU_BOOT=boot, HDU_SLOTS=str(scene.folder / "slots"))
    made = Machine(scene, Slots(scene.folder / "slots"), updates)
    made.ground.prepare(b"1.0")
    await scene.say(Panel=facts.Panel(read=True), Headset=facts.Headset(present=True, muted=False))
    await made.boot()
    yield made
    await made.off()
    await updates.close()
