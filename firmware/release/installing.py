"""A bundle on its way into the other slot: begun, broken off where it would disturb, and booted when it does not.

It is remembered before it begins, so that the next start knows of it whatever happens to this service or this unit
meanwhile (`firmware.release.begun`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine

import msgspec

from firmware.drivers import rauc
from firmware.drivers.rauc import RaucError
from firmware.release import restart, version
from firmware.release.ledger import Ledger
from firmware.release.memory import Trial
from firmware.release.policy import breaks_off
from firmware.release.proving import evidence
from firmware.release.rollout import RollOut

CHECK_S, STOPPED_S = 2.0, 60.0
log = logging.getLogger("updates")


class BrokenOff(Exception):
    """Whom it would have disturbed. Nothing of it is booted; what came is in the slot, and need not come again."""


async def install(ledger: Ledger, out: RollOut, place: str) -> None:
    """Installed, then booted as soon as that disturbs nobody. RaucError where RAUC refuses, BrokenOff."""
    ledger.say(state="installing")
    ledger.remember(msgspec.structs.replace(ledger.memory, trial=await begun(ledger, out)))
    try:
        await watched(ledger, out, rauc.connect().install(place, out.version))
    except (RaucError, BrokenOff):
        forget(ledger)
        raise
    await whole(ledger)


async def begun(ledger: Ledger, out: RollOut) -> Trial:
    """What is known of it, and of this unit, before."""
    now = await evidence(ledger)
    other = next((each.name for each in await rauc.connect().slots() if not each.booted), "")
    return Trial(
        kind="bundle",
        version=out.version,
        slot=other,
        boot=version.boot(),
        installed=False,
        hub=bool(now.uplink),
        headset=bool(now.headset),
        services=now.services,
    )


def forget(ledger: Ledger) -> None:
    ledger.remember(msgspec.structs.replace(ledger.memory, trial=None))


async def watched(ledger: Ledger, out: RollOut, installation: Coroutine[None, None, None]) -> None:
    """Returns at its end; BrokenOff where it disturbs before."""
    installing = asyncio.ensure_future(installation)
    try:
        while not (await asyncio.wait([installing], timeout=CHECK_S))[0]:
            if words := breaks_off(out, await ledger.situation()):
                await break_off(ledger)
                raise BrokenOff(words)
        installing.result()
    finally:
        installing.cancel()


async def break_off(ledger: Ledger) -> None:
    """RAUC is started again, since it cannot be asked to stop: to it, it is as if the plug had been pulled. What was
    booted is booted next, also where the last block had just been written."""
    await restart.done(ledger.hardware.break_off_command)
    try:
        async with asyncio.timeout(STOPPED_S):
            await _as_before()
    except TimeoutError:
        log.error("RAUC goes on installing, or is away, after %g s; the next start of this unit tells", STOPPED_S)


async def _as_before() -> None:
    """Returns when RAUC is idle and has the booted slot as the next; it may go away once more meanwhile."""
    installer = rauc.connect()
    while True:
        with contextlib.suppress(RaucError):
            await installer.idle()
            await installer.mark("active")
            return
        await asyncio.sleep(CHECK_S)


async def whole(ledger: Ledger) -> None:
    """It is in its slot: booted as soon as that disturbs nobody."""
    if trial := ledger.memory.trial:
        ledger.remember(msgspec.structs.replace(ledger.memory, trial=msgspec.structs.replace(trial, installed=True)))
    await ledger.show_slots()
    await restart.calm(ledger)
    await restart.restart(ledger)
