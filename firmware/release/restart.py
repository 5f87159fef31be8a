"""This unit's restart into another release: when it disturbs nobody."""

import asyncio
import logging

from firmware.release.ledger import Ledger
from firmware.release.policy import disturbing

CALM_S = 5.0
log = logging.getLogger("updates")


async def calm(ledger: Ledger) -> None:
    """Returns when a restart disturbs nobody: no call, no shift, and on mains."""
    while words := disturbing(await ledger.situation()):
        ledger.say(state="restarting", reason=words)
        await asyncio.sleep(CALM_S)
    ledger.say(state="restarting", reason="")


async def no_call(ledger: Ledger) -> None:
    """Returns when no call is known to be up: a release that must go back may not know."""
    while True:
        if ledger.in_call is not True:
            return
        await asyncio.sleep(CALM_S)


async def restart(ledger: Ledger) -> None:
    """As the power service does it; returns when the command has ended."""
    if not await done(ledger.unit.config.unit.power.restart_command):
        log.error("restart this unit by hand")


async def done(command: tuple[str, ...]) -> bool:
    """Whether a command of the configuration was taken."""
    log.warning("%s", " ".join(command))
    child = await asyncio.create_subprocess_exec(*command)
    if code := await child.wait():
        log.error("%s ended with %s", command[0], code)
    return code == 0
