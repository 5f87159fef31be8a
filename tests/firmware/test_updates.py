"""The updates service on a private bus: settings, against a signed repository on a real web server."""

import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firmware import bus, facts
from firmware.release import memory
from tests.firmware.service_scene import ROOT, Service, eventually, running
from tests.firmware.updates_scene import Follow, Scene, scene, web
from tests.hdu.test_publish import Site

__all__ = ["scene", "web"]  # fixtures


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
        ({"Shift": facts.Shift(on=True, who="Kim")}, "on shift"),
        ({"Shift": facts.Shift()}, "not known whether on shift"),
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


async def test_a_release_that_was_flashed_is_proven_by_the_same_evidence(
    scene: Scene, service: Service, follow: Follow
) -> None:
    told = follow("Updates", facts.Update)
    await eventually(lambda: told.now and told.now.looked_at, "it is up")
    assert told.now.proven is None
    await scene.say(Panel=facts.Panel(read=True))
    await eventually(lambda: told.now.proven is True, "it is proven")


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


async def test_a_download_gives_way_to_a_call_and_is_done_after_it(
    scene: Scene, service: Service, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, wanted, before = follow("Updates", facts.Update), new(scene), scene.settings
    gate = threading.Event()
    plain = Site.do_GET

    def slow(self: Site) -> None:
        if "/site/" in self.path:
            gate.wait(10)
        plain(self)

    monkeypatch.setattr(Site, "do_GET", slow)
    scene.offer("2", wanted)
    await eventually(lambda: told.now and told.now.state == "fetching", "it is fetched")
    await scene.say(Calls=facts.Call(state="ringing"))
    await eventually(lambda: (told.now.state, told.now.reason) == ("waiting", "in a call"), "it gives way")
    assert scene.settings == before
    gate.set()
    await scene.say(Calls=facts.Call(state="idle"))
    await eventually(lambda: scene.settings == wanted, "it is done after the call")


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


def test_the_resident_service_carries_no_tls_and_no_tuf() -> None:
    """They live in the short-lived process alone."""
    words = "import sys, firmware.updates; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"tuf", "securesystemslib", "cryptography", "urllib3"} & set(loaded.stdout.split()) == set()
