"""New site settings on a unit: in force, watched, kept or taken back.

Whoever supervises the services watches `site.toml` and starts them anew when it changes (on the unit a systemd path
unit): this service too, which then finds the trial that it began.
"""

import asyncio
import logging
import time
from pathlib import Path

import msgspec

from firmware import configfile
from firmware.release import site_trial
from firmware.release.ledger import Ledger
from firmware.release.memory import Trial
from firmware.release.rollout import RollOut

LOOK_S = 1.0
log = logging.getLogger("updates")


def begin(ledger: Ledger, out: RollOut, settings: bytes) -> None:
    """In force and on trial, or refused for good where any value is wrong: signed does not mean right.

    The memory first: a power cut in between leaves a trial that never began, which is then forgotten.
    """
    try:
        site_trial.check(settings)
    except site_trial.SiteRefused as error:
        log.error("settings refused: %s", error)
        ledger.has_failed("site", out.version, str(error))
        return
    ledger.remember(msgspec.structs.replace(ledger.memory, trial=Trial(kind="site", version=out.version)))
    site_trial.begin(configfile.folder(), settings)
    log.warning("settings on trial", extra={"version": out.version})


async def watch(ledger: Ledger) -> None:
    """The trial that runs, to its end; returns at once where none does."""
    folder, lasts_s = configfile.folder(), ledger.hardware.trial_s
    trial = site_trial.Trial(time.monotonic())
    while site_trial.running(folder):
        ledger.say(state="on-trial")
        trial, action = site_trial.decide(trial, ledger.hub, time.monotonic(), lasts_s, lasts_s)
        if action == "keep":
            _keep(ledger, folder)
        elif action == "take-back":
            _take_back(ledger, folder, f"the hub was lost for {lasts_s:g} s after these settings; taken back")
        await asyncio.sleep(LOOK_S)
    if _version(ledger):
        ledger.remember(msgspec.structs.replace(ledger.memory, trial=None))
    ledger.say(state="idle")


def _version(ledger: Ledger) -> str:
    """What is on trial; empty: the memory knows of none."""
    trial = ledger.memory.trial
    return trial.version if trial and trial.kind == "site" else ""


def _keep(ledger: Ledger, folder: Path) -> None:
    version = _version(ledger) or ledger.memory.site
    log.warning("settings kept", extra={"version": version})
    ledger.remember(msgspec.structs.replace(ledger.memory, site=version, trial=None))
    site_trial.keep(folder)


def _take_back(ledger: Ledger, folder: Path, why: str) -> None:
    """The memory first: after a power cut in between the trial goes on, and its version is not tried again."""
    version = _version(ledger)
    log.error("settings taken back", extra={"version": version})
    if version:
        ledger.has_failed("site", version, why)
    site_trial.take_back(folder)
