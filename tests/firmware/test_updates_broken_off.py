"""What happens to an install that has begun when it would disturb, or when somebody dies: with the real RAUC."""

from typing import Any

import pytest

from firmware import facts
from tests.firmware.service_scene import eventually
from tests.firmware.updates_scene import Follow, Machine, machine, scene, web

__all__ = ["machine", "scene", "web"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # up to three boots, each with real processes
LTE = facts.Uplinks(uplinks=(facts.Uplink(name="lte", kind="lte", state="up", active=True),))


async def half_installed(machine: Machine, urgent: bool = True) -> None:
    machine.ground.hold()
    await machine.offer("9.1", b"9.1", urgent)
    await machine.holds()


@pytest.mark.parametrize(
    ("said", "why", "after"),
    [
        ({"Calls": facts.Call(state="ringing")}, "in a call", {"Calls": facts.Call(state="idle")}),
        ({"Shift": facts.Shift(on=True, who="Kim")}, "on shift", {"Shift": facts.Shift(on=False)}),
        ({"Power": facts.Power(source="battery")}, "on battery", {"Power": facts.Power(source="mains")}),
    ],
)
async def test_an_install_that_would_disturb_is_broken_off_and_done_afterwards(
    machine: Machine, follow: Follow, said: dict[str, Any], why: str, after: dict[str, Any]
) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await half_installed(machine)
    await machine.scene.say(**said)
    await machine.broken_off()
    await eventually(lambda: (told.now.state, told.now.reason) == ("waiting", why), "it says why")
    assert (ground.primary, told.now.failed_version) == ("A", "")
    ground.let_go()
    await machine.scene.say(**after)
    await eventually(machine.restarts, f"it is installed: {machine.updates.words()}", 90)
    assert (ground.primary, ground.content("B")) == ("B", b"9.1")


async def test_lte_breaks_off_what_is_not_urgent_and_nothing_else(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await half_installed(machine, urgent=False)
    await machine.scene.say(Uplinks=LTE)
    await machine.broken_off()
    await eventually(lambda: told.now.reason == "only LTE reaches the hub", "it says why")
    ground.let_go()
    assert ground.primary == "A"
    await machine.offer("9.2", b"9.2")
    await eventually(machine.restarts, f"the urgent one is installed: {machine.updates.words()}", 90)
    assert ground.content("B") == b"9.2"


async def test_what_a_dead_service_had_begun_with_is_broken_off_and_begins_anew(
    machine: Machine, follow: Follow
) -> None:
    """RAUC would go on alone, and what it installs would be booted some day without a proof."""
    told, ground = follow("Updates", facts.Update), machine.ground
    await half_installed(machine)
    await machine.scene.say(Shift=facts.Shift(on=True, who="Kim"))
    await machine.updates.kill()
    await machine.updates.start()
    await machine.broken_off()
    await eventually(lambda: told.now and told.now.reason == "on shift", "it has looked again")
    assert (ground.primary, told.now.failed_version) == ("A", "")


async def test_a_plug_pulled_in_an_install_is_no_fault_of_the_release(machine: Machine, follow: Follow) -> None:
    told, ground = follow("Updates", facts.Update), machine.ground
    await half_installed(machine)
    await machine.off()
    ground.let_go()
    await machine.boot()
    await eventually(machine.restarts, f"it is installed once more: {machine.updates.words()}", 90)
    assert (ground.primary, told.now.failed_version) == ("B", "")


async def installed_on_shift(machine: Machine, told: Any) -> None:
    """A shift began in the moment in which it came to its end."""
    machine.ground.hold()
    await machine.offer("9.1", b"9.1")
    await machine.holds()
    machine.ground.let_go()
    await machine.scene.say(Shift=facts.Shift(on=True, who="Kim"))
    await eventually(lambda: (told.now.state, told.now.reason) == ("restarting", "on shift"), "it waits", 30)


async def test_a_service_that_dies_while_a_release_waits_for_its_boot_still_boots_it(
    machine: Machine, follow: Follow
) -> None:
    told = follow("Updates", facts.Update)
    await installed_on_shift(machine, told)
    await machine.updates.kill()
    await machine.updates.start()
    await eventually(lambda: told.now and told.now.reason == "on shift", "it waits again")
    assert (told.now.failed_version, machine.restarts()) == ("", False)
    await machine.scene.say(Shift=facts.Shift(on=False))
    await eventually(machine.restarts, f"it is booted: {machine.updates.words()}", 30)


async def test_a_release_that_a_plug_was_pulled_into_proves_itself_all_the_same(
    machine: Machine, follow: Follow
) -> None:
    """It waited for the shift's end; the unit was switched off instead."""
    told = follow("Updates", facts.Update)
    await installed_on_shift(machine, told)
    await machine.scene.say(Panel=facts.Panel(read=False), Shift=facts.Shift(on=False))
    await machine.boot()
    await eventually(machine.restarts, f"it goes back: {machine.updates.words()}", 90)
    assert (machine.ground.primary, machine.ground.state("B")) == ("A", "bad")
