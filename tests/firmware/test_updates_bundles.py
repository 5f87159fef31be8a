"""The updates service with the real RAUC over slots that are plain files: installed, booted, proved, taken back."""

import pytest

from firmware import facts
from hw.slots.ground import signer
from tests.firmware.service_scene import eventually
from tests.firmware.updates_scene import Follow, Machine, machine, scene, web

__all__ = ["machine", "scene", "web"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # up to three boots, each with real processes


async def test_a_release_is_installed_booted_and_proves_itself(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await eventually(lambda: told.now and told.now.booted == "A" and "B" in told.now.installed, "it knows its slots")
    await machine.offer("9.1", b"9.1")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 90)
    assert (ground.content("B"), ground.primary, told.now.booted) == (b"9.1", "B", "A")
    assert told.now.installed["B"] == "9.1"
    (ground.folder / "boot/B").write_text("bad\n")  # as the boot loader counts a try that is not good yet
    await machine.boot()
    await eventually(lambda: told.now and (told.now.state, told.now.booted) == ("proving", "B"), "it proves itself")
    await eventually(lambda: told.now.state == "idle" and told.now.proven, "it is good", 90)
    assert ground.state("B") == "good"
    looked = told.now.looked_at
    await eventually(lambda: told.now.looked_at > looked, "it has looked again")
    assert (told.now.state, told.now.available, machine.restarts()) == ("idle", "", False)


async def test_each_boot_of_what_was_kept_gives_the_boot_loader_its_tries_back(
    machine: Machine, follow: Follow
) -> None:
    """Without it a unit that was switched off three times would not start again."""
    told, ground = follow("Updates", facts.Update), machine.ground
    for slot in ("A", "B"):
        (ground.folder / "boot" / slot).write_text("bad\n")  # as the boot loader counts
    await machine.scene.say(Panel=facts.Panel(read=False))
    await machine.boot()
    await eventually(lambda: ground.state("A") == "good", f"it came up: {machine.updates.words()}", 90)
    assert (ground.state("B"), told.now.proven) == ("bad", None)


async def test_a_release_whose_panel_does_not_answer_goes_back_and_says_why(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await machine.offer("9.1", b"9.1")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 90)
    await machine.scene.say(Panel=facts.Panel(read=False))
    await machine.boot()
    await eventually(machine.restarts, f"it goes back: {machine.updates.words()}", 90)
    assert (ground.primary, ground.state("B"), ground.content("A")) == ("A", "bad", b"1.0")
    await machine.scene.say(Panel=facts.Panel(read=True))
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
    told, ground = follow("Updates", facts.Update), machine.ground
    await machine.offer("9.1", b"9.1")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 90)
    (ground.folder / "boot/A").write_text("bad\n")
    await machine.boot(release_runs=False)
    await eventually(lambda: told.now and told.now.failed_version == "9.1", "it is told")
    assert "it did not come up: slot A was booted, not B" in told.now.failed
    await eventually(lambda: ground.state("A") == "good", "the one before has its tries back")


async def test_a_release_that_is_not_what_its_roll_out_says_goes_back(machine: Machine, follow: Follow) -> None:
    """It would be installed again every night."""
    told = follow("Updates", facts.Update)
    await machine.offer("9.1", b"9.0")
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 90)
    await machine.boot()
    await eventually(lambda: machine.restarts() and told.now.failed_version == "9.1", "it goes back", 90)
    assert (told.now.failed, machine.ground.primary) == ("it says that it is 9.0, not 9.1", "A")


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
    await eventually(
        lambda: told.now and told.now.failed_version == "9.1", f"it is given up: {machine.updates.words()}", 90
    )
    assert "trusts" in told.now.failed and (ground.content("B"), ground.primary) == (b"", "A")


async def test_what_fails_with_the_link_is_never_given_up_and_is_tried_again_when_it_is_back(
    machine: Machine, follow: Follow
) -> None:
    """RAUC's reason is the same for a bundle that is damaged and for one that could not be fetched."""
    told, ground = follow("Updates", facts.Update), machine.ground
    wired = facts.Uplink(name="wired", kind="ethernet", state="down", active=True)
    await machine.scene.say(Uplinks=facts.Uplinks(uplinks=(wired,)))
    (ground.folder / "other").mkdir()
    signer(ground.folder / "other", "signer")
    kept = {part: (ground.folder / part).read_bytes() for part in ("signer.pem", "signer.key")}
    for part in kept:
        (ground.folder / part).write_bytes((ground.folder / "other" / part).read_bytes())
    await machine.offer("9.1", b"evil")
    for part, content in kept.items():
        (ground.folder / part).write_bytes(content)
    looks: set[str] = set()

    def looked_often() -> bool:
        looks.update([told.now.looked_at] if told.now and "trusts" in told.now.reason else [])
        return len(looks) > 4

    await eventually(looked_often, f"it fails again and again: {machine.updates.words()}", 90)
    assert told.now.failed_version == ""
    up = facts.Uplink(name="wired", kind="ethernet", state="up", active=True)
    await machine.scene.say(Uplinks=facts.Uplinks(uplinks=(up,)))
    await eventually(lambda: told.now.failed_version == "9.1", "over a link that holds it is given up", 90)
