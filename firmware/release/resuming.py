"""A start of the updates service: what it had begun with is taken up again (`firmware.release.begun` says how)."""

import logging

from firmware.release import begun, installing, proving, restart
from firmware.release.ledger import Ledger
from firmware.release.memory import Trial
from firmware.release.version import boot, slot

log = logging.getLogger("updates")


async def resume(ledger: Ledger) -> None:
    """Returns when nothing is under way any more. What was kept before has then come up once more."""
    trial = ledger.memory.trial
    step = begun.step(trial, slot(), boot()) if trial and trial.kind == "bundle" else None
    if trial and step == "prove":
        await proving.prove(ledger, trial)
        return
    if trial and step:
        await _stay(ledger, trial, step)
    await proving.came_up(ledger)


async def _stay(ledger: Ledger, trial: Trial, step: begun.Step) -> None:
    """With what was booted."""
    if step == "boot":
        await restart.calm(ledger)
        await restart.restart(ledger)
    elif step == "failed":
        await proving.did_not_come_up(ledger, trial)
    else:
        log.warning("the install of %s was cut short; it begins anew when it is due", trial.version)
        if step == "break-off":
            await installing.break_off(ledger)
        installing.forget(ledger)
