"""A bundle on a unit: installed by RAUC, booted, and marked good on the unit's own evidence or taken back."""

import asyncio
import logging
import math
import time

import msgspec

from firmware import bus, facts
from firmware.drivers import rauc
from firmware.release import proof
from firmware.release.ledger import Ledger
from firmware.release.memory import Trial
from firmware.release.policy import disturbing
from firmware.release.rollout import RollOut, version_key
from firmware.release.version import RELEASE, slot

LOOK_S, FLASHED_LOOK_S, CALM_S = 1.0, 5.0, 5.0
log = logging.getLogger("updates")


async def evidence(ledger: Ledger) -> proof.Evidence:
    """What this unit measures of itself now."""
    panel, headset = await ledger.ask("Panel", facts.Panel), await ledger.ask("Headset", facts.Headset)
    uplinks = await ledger.ask("Uplinks", facts.Uplinks)
    found = await bus.call_any(ledger.unit.bus, bus.DBUS, "/org/freedesktop/DBus", bus.DBUS, "ListNames")
    return proof.Evidence(
        panel=panel.read if panel else None,
        headset=headset.present is True and headset.muted is not None if headset else None,
        uplink=any(each.state == "up" for each in uplinks.uplinks) if uplinks else None,
        services=tuple(sorted(name.removeprefix(bus.PREFIX) for name in found if name.startswith(bus.PREFIX))),
    )


async def show_slots(ledger: Ledger) -> None:
    """What RAUC says is in each slot; nothing where there is no RAUC, which is said in the log."""
    try:
        found = await rauc.connect().slots()
    except rauc.RaucError as error:
        log.error("%s", error)
        return
    ledger.say(installed={each.name: each.version for each in found})


async def install(ledger: Ledger, out: RollOut, place: str) -> None:
    """Installed, then booted as soon as that disturbs nobody. RaucError where RAUC refuses: nothing has changed."""
    ledger.say(state="installing")
    installer = rauc.connect()
    await installer.install(place, out.version)
    other = next((each.name for each in await installer.slots() if not each.booted), "")
    await show_slots(ledger)
    await calm(ledger)
    now = await evidence(ledger)
    trial = Trial(
        kind="bundle",
        version=out.version,
        slot=other,
        hub=bool(now.uplink),
        headset=bool(now.headset),
        services=now.services,
    )
    ledger.remember(msgspec.structs.replace(ledger.memory, trial=trial))
    await restart(ledger)


async def calm(ledger: Ledger) -> None:
    """Returns when a restart disturbs nobody: no call, no shift, and on mains."""
    while words := disturbing(await ledger.situation()):
        ledger.say(state="restarting", reason=words)
        await asyncio.sleep(CALM_S)
    ledger.say(state="restarting", reason="")


async def restart(ledger: Ledger) -> None:
    """As the power service does it; returns when the command has ended."""
    command = ledger.unit.config.unit.power.restart_command
    log.warning("restart", extra={"command": " ".join(command)})
    child = await asyncio.create_subprocess_exec(*command)
    if await child.wait():
        log.error("restart: %s ended with %s; restart this unit by hand", command[0], child.returncode)


async def watch(ledger: Ledger) -> None:
    """The proof of a release that was booted for the first time, to its end; returns at once where there is none."""
    trial = ledger.memory.trial
    if trial is None or trial.kind != "bundle":
        await came_up(ledger)
        return
    if slot() != trial.slot:
        words = f"it did not come up: slot {slot()} was booted, not {trial.slot}"
        log.error("release %s went back: %s", trial.version, words)
        ledger.has_failed("bundle", trial.version, words)
        await came_up(ledger)
        return
    ledger.say(state="proving")
    if words := another(trial.version) or await _lacking_to_the_end(ledger, trial):
        await _go_back(ledger, trial, words)
    else:
        await rauc.connect().mark("good")
        ledger.remember(msgspec.structs.replace(ledger.memory, trial=None, proven=RELEASE))
        ledger.say(state="idle")
        log.warning("release is good", extra={"version": RELEASE})


async def came_up(ledger: Ledger) -> None:
    """What was kept before has come up once more: the boot loader, which counts each boot, gets its tries back."""
    if ledger.hardware.bundles == "none":
        return
    try:
        await rauc.connect().mark("good")
    except rauc.RaucError as error:
        log.error("this boot stays counted as a try: %s", error)


async def prove_flashed(ledger: Ledger) -> None:
    """A release that was flashed, and never installed here, is proven by the same evidence; it has nothing to go back
    to. Returns once it is."""
    if ledger.memory.trial is not None or version_key(ledger.memory.proven) >= version_key(RELEASE):
        return
    state, action = proof.Proof(time.monotonic()), "wait"
    steady_s = min(proof.STEADY_S, ledger.hardware.trial_s)
    while action != "good":
        await asyncio.sleep(min(FLASHED_LOOK_S, steady_s))
        lacks = proof.lacking(await evidence(ledger), hub_before=True, headset_before=False, services_before=())
        state, action = proof.decide(state, lacks, time.monotonic(), steady_s, math.inf)
    ledger.remember(msgspec.structs.replace(ledger.memory, proven=RELEASE))


def another(version: str) -> str:
    """Whether what runs is not what the roll-out named, in words: it would be installed again and again."""
    return "" if version_key(RELEASE) == version_key(version) else f"it says that it is {RELEASE}, not {version}"


async def _lacking_to_the_end(ledger: Ledger, trial: Trial) -> str:
    """What was lacking at the end of the proof; empty: nothing."""
    state = proof.Proof(time.monotonic())
    steady_s = min(proof.STEADY_S, ledger.hardware.trial_s)
    while True:
        lacks = proof.lacking(await evidence(ledger), trial.hub, trial.headset, trial.services)
        state, action = proof.decide(state, lacks, time.monotonic(), steady_s, 2 * ledger.hardware.trial_s)
        ledger.say(reason=lacks)
        if action != "wait":
            return lacks
        await asyncio.sleep(LOOK_S)


async def _go_back(ledger: Ledger, trial: Trial, words: str) -> None:
    """The other slot again; said why, before and after."""
    log.error("release %s goes back: %s", trial.version, words)
    ledger.has_failed("bundle", trial.version, words)
    ledger.say(state="restarting")
    await rauc.connect().mark("bad")
    await no_call(ledger)
    await restart(ledger)


async def no_call(ledger: Ledger) -> None:
    """Returns when no call is known to be up: a release that must go back may not know."""
    while True:
        if ledger.in_call is not True:
            return
        await asyncio.sleep(CALM_S)
