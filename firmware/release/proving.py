"""A bundle that was booted: marked good on the unit's own evidence, or taken back."""

import asyncio
import logging
import math
import time

import msgspec

from firmware import bus, facts
from firmware.drivers import rauc
from firmware.release import proof, restart
from firmware.release.ledger import Ledger
from firmware.release.memory import Trial
from firmware.release.rollout import version_key
from firmware.release.version import RELEASE, slot

LOOK_S, FLASHED_LOOK_S = 1.0, 5.0
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


async def did_not_come_up(ledger: Ledger, trial: Trial) -> None:
    words = f"it did not come up: slot {slot()} was booted, not {trial.slot}"
    log.error("release %s went back: %s", trial.version, words)
    ledger.has_failed("bundle", trial.version, words)


async def prove(ledger: Ledger, trial: Trial) -> None:
    """The proof of a release that was booted for the first time, to its end: good, or back."""
    ledger.say(state="proving")
    if words := another(trial.version) or await _lacking_to_the_end(ledger, trial):
        await _go_back(ledger, trial, words)
        return
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
    await restart.no_call(ledger)
    await restart.restart(ledger)
