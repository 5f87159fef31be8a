"""The updates service on a private bus, against a signed repository on a real web server."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firmware import bus, facts
from firmware.configfile import SEAL
from firmware.release import memory
from hw.slots.ground import Slots, signer
from tests.firmware.conftest import Followed
from tests.firmware.service_scene import ROOT, Service, eventually, running
from tests.hdu.test_publish import serving
from tests.hub.updates.conftest import Agency

OUT = 'id = "{id}"\nurgent = true\nkind = "site"\ntarget = "site/{id}.toml"\nversion = "{version}"\n'
OUT += "[percent]\nall = 100\n"
SITE = '[updates]\nurl = "{url}"\npoll_s = 1\nquiet_minutes = 0\n'
UNIT = 'name = "hdu-0001"\n[updates]\nroot = "{root}"\nbundles = "none"\ntrial_s = 1.5\n[folders]\ndata = "{at}/data"\n'


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
        HubLink=facts.Hub(connected=True),
        Clock=facts.Clock(error_ms=1.0),
    )
    yield made
    for each in made.exports.values():
        each.bus.close()


Follow = Callable[[str, type], Followed]


@pytest.fixture
async def service(scene: Scene) -> AsyncIterator[Service]:
    async with running(scene.folder, "firmware.updates") as made:
        yield made


def new(scene: Scene) -> str:
    return scene.settings + "[power]\nlow_minutes = 20.0\n"


async def test_settings_are_taken_tried_and_kept(scene: Scene, service: Service, follow: Follow) -> None:
    told, wanted = follow("Updates", facts.Update), new(scene)
    scene.offer("2", wanted)
    await eventually(lambda: scene.settings == wanted, f"the settings are in force: {service.words()}")
    await eventually(lambda: told.now.state == "on-trial" and told.now.site_proven is None, "they are on trial")
    await eventually(lambda: told.now.state == "idle" and told.now.site_proven is True, "they are kept")
    assert told.now.site == "2" and not (scene.folder / "site.before.toml").exists()


async def test_settings_that_lose_the_hub_are_taken_back_and_never_tried_again(
    scene: Scene, service: Service, follow: Follow
) -> None:
    told, before, wanted = follow("Updates", facts.Update), scene.settings, new(scene)
    scene.offer("2", wanted)
    await eventually(lambda: scene.settings == wanted, "the settings are in force")
    await scene.say(HubLink=facts.Hub(connected=False))
    await eventually(lambda: scene.settings == before, "they are taken back")
    await eventually(lambda: told.now.failed_version == "2", "it is told")
    assert "the hub was lost" in told.now.failed and told.now.site == "0" and told.now.failed_kind == "site"
    looked = told.now.looked_at
    await eventually(lambda: told.now.looked_at > looked, "it has looked again")
    assert scene.settings == before


async def test_a_trial_outlives_a_death_of_the_service(scene: Scene, service: Service) -> None:
    before, wanted = scene.settings, new(scene)
    scene.offer("2", wanted)
    await eventually(lambda: scene.settings == wanted, "the settings are in force")
    await scene.say(HubLink=facts.Hub(connected=False))
    await service.kill()
    await service.start()
    await eventually(lambda: scene.settings == before, f"they are taken back: {service.words()}")
    assert memory.load(scene.folder / "data/updates/memory.json").failed[-1].version == "2"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"Calls": facts.Call(state="active")}, "in a call"),
        ({"Calls": facts.Call()}, "not known whether in a call"),
        ({"Power": facts.Power(source="battery")}, "on battery"),
        ({"Power": facts.Power()}, "not known whether on battery"),
    ],
)
async def test_it_waits_and_says_why(
    scene: Scene, service: Service, follow: Follow, said: dict[str, Any], why: str
) -> None:
    told, before = follow("Updates", facts.Update), scene.settings
    await scene.say(**said)
    scene.offer("2", new(scene))
    await eventually(lambda: told.now and told.now.reason == why, f"it waits, {why}: {service.words()}")
    assert (told.now.state, told.now.available, scene.settings) == ("waiting", "site-2", before)


async def test_a_lease_keeps_updates_away_until_it_ends(scene: Scene, service: Service, follow: Follow) -> None:
    told, wanted = follow("Updates", facts.Update), new(scene)
    asks = scene.exports["Calls"].bus
    await bus.call(asks, "Updates", "Hold", "sx", "shift", 600)
    scene.offer("2", wanted)
    await eventually(lambda: told.now and told.now.reason == "on shift", "it waits")
    held = memory.load(scene.folder / "data/updates/memory.json").leases["shift"] - time.time()
    assert 590 * 60 < held <= 600 * 60
    await bus.call(asks, "Updates", "Hold", "sx", "shift", 0)
    await eventually(lambda: scene.settings == wanted, "then it is taken")


async def test_without_the_time_nothing_is_believed(scene: Scene, service: Service, follow: Follow) -> None:
    told = follow("Updates", facts.Update)
    await scene.say(Clock=facts.Clock())
    scene.offer("2", new(scene))
    await eventually(lambda: told.now and told.now.reason == "this unit does not know the time", "it is said")
    assert told.now.available == ""


async def test_settings_that_are_signed_and_wrong_change_nothing(
    scene: Scene, service: Service, follow: Follow
) -> None:
    told, before = follow("Updates", facts.Update), scene.settings
    scene.offer("2", "[hub]\nmqtt_port = 0\n")
    await eventually(lambda: told.now and told.now.failed_version == "2", "it is refused")
    assert "mqtt_port = 0 is refused" in told.now.failed
    await eventually(lambda: told.now.state == "idle", "and done with")
    assert scene.settings == before


async def test_a_stopped_roll_out_waits(scene: Scene, service: Service, follow: Follow) -> None:
    told, before = follow("Updates", facts.Update), scene.settings
    await scene.say(Calls=facts.Call(state="active"))
    scene.offer("2", new(scene))
    scene.agency.repository().halt(scene.agency.online, "site-2", "canary: 3 roll-backs")
    await eventually(lambda: told.now and told.now.reason == "site-2 is stopped", "it is stopped")
    await scene.say(Calls=facts.Call(state="idle"))
    looked = told.now.looked_at
    await eventually(lambda: told.now.looked_at > looked, "it has looked again")
    assert scene.settings == before


async def test_a_repository_that_is_not_right_is_told_and_left(scene: Scene, service: Service, follow: Follow) -> None:
    told, before = follow("Updates", facts.Update), scene.settings
    await eventually(lambda: told.now and told.now.looked_at, "a look")
    scene.offer("2", new(scene))
    (scene.agency.public / "metadata/timestamp.json").write_bytes(b'{"signed": {}}')
    await eventually(lambda: told.now.refused.startswith("update refused: "), "it is told")
    assert scene.settings == before and told.now.refused.count("\n") == 0


@dataclass
class Machine:
    """The unit with slots: RAUC over plain files, and a restart that stops both services and boots what is primary."""

    scene: Scene
    ground: Slots
    updates: Service
    installer: asyncio.subprocess.Process | None = None

    async def boot(self, release_runs: bool = True) -> None:
        """As a power-on: RAUC and the updates service from the slot that the boot loader takes."""
        await self.off()
        slot = self.ground.primary if release_runs else "A"
        (self.scene.folder / "cmdline").write_text(f"quiet rauc.slot={slot}\n")
        (self.scene.folder / "restart").unlink(missing_ok=True)
        with (self.ground.folder / "rauc.log").open("ab") as log:
            self.installer = await asyncio.create_subprocess_exec(*self.ground.command(slot), stdout=log, stderr=log)
        await self.answers()
        await self.updates.start()

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
        if self.installer is not None:
            self.installer.kill()
            await self.installer.wait()

    async def offer(self, version: str, content: bytes) -> None:
        bundle = await self.ground.bundle(version, content)
        id = f"hdu-{version}"
        out = OUT.replace('"site"', '"bundle"').replace("site/{id}.toml", "bundles/{id}.raucb")
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
    restart = f'[power]\nrestart_command = ["touch", "{scene.folder}/restart"]\n'
    unit.write_text(unit.read_text().replace('"none"', '"download"').replace("1.5", "2.0") + restart)
    cmdline = str(scene.folder / "cmdline")
    updates = Service(scene.folder, "-m", "firmware", "updates", HDU_CMDLINE=cmdline)
    made = Machine(scene, Slots(scene.folder / "slots"), updates)
    made.ground.prepare()
    await scene.say(Panel=facts.Panel(mute="live"), Headset=facts.Headset(present=True, muted=False))
    await made.boot()
    yield made
    await made.off()
    await updates.close()


async def test_a_release_is_installed_booted_and_proves_itself(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await eventually(lambda: told.now and told.now.booted == "A" and "B" in told.now.installed, "it knows its slots")
    await machine.offer("9.1", b"release nine")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 40)
    assert (ground.content("B"), ground.primary, told.now.booted) == (b"release nine", "B", "A")
    assert told.now.installed["B"] == "9.1"
    machine.scene.agency.repository().halt(machine.scene.agency.online, "hdu-9.1", "one is enough here")
    (ground.folder / "boot/B").write_text("bad\n")  # as the boot loader counts a try that is not good yet
    await machine.boot()
    await eventually(lambda: told.now and (told.now.state, told.now.booted) == ("proving", "B"), "it proves itself")
    await eventually(lambda: told.now.state == "idle" and told.now.proven, "it is good", 40)
    assert ground.state("B") == "good" and not machine.restarts()


async def test_a_release_whose_panel_does_not_answer_goes_back_and_says_why(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await machine.offer("9.1", b"release nine")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 40)
    await machine.scene.say(Panel=facts.Panel(mute=None))
    await machine.boot()
    await eventually(machine.restarts, f"it goes back: {machine.updates.words()}", 40)
    assert (ground.primary, ground.state("B"), ground.content("A")) == ("A", "bad", b"release one")
    await machine.scene.say(Panel=facts.Panel(mute="live"))
    await machine.boot()
    await eventually(
        lambda: told.now and told.now.booted == "A" and told.now.looked_at, "the one before runs, and looks"
    )
    assert (told.now.failed_version, told.now.failed, told.now.failed_kind) == (
        "9.1",
        "the panel is not read",
        "bundle",
    )
    assert not machine.restarts()


async def test_a_release_that_does_not_come_up_is_told_by_the_one_before(machine: Machine, follow: Follow) -> None:
    """The boot loader has gone back by itself."""
    told = follow("Updates", facts.Update)
    await machine.offer("9.1", b"release nine")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 40)
    await machine.boot(release_runs=False)
    await eventually(lambda: told.now and told.now.failed_version == "9.1", "it is told")
    assert "it did not come up: slot A was booted, not B" in told.now.failed


async def test_a_bundle_of_a_wrong_signer_is_given_up_after_some_tries(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    (ground.folder / "other").mkdir()
    signer(ground.folder / "other", "signer")
    good = ground.folder / "signer.pem"
    kept = good.read_bytes()
    for part in ("signer.pem", "signer.key"):
        (ground.folder / part).write_bytes((ground.folder / "other" / part).read_bytes())
    await machine.offer("9.1", b"evil")
    good.write_bytes(kept)
    await eventually(lambda: told.now and told.now.failed_version == "9.1", "it is given up", 60)
    assert "trusts" in told.now.failed and (ground.content("B"), ground.primary) == (b"", "A")


def test_the_resident_service_carries_no_tls_and_no_tuf() -> None:
    """They live in the short-lived process alone."""
    words = "import sys, firmware.updates; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"tuf", "securesystemslib", "cryptography", "urllib3"} & set(loaded.stdout.split()) == set()
