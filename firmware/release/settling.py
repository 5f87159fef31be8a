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
    """In force and on trial, or refused for good where any value is wrong: signed does not mean right."""
    try:
        site_trial.begin(configfile.folder(), settings)
    except site_trial.SiteRefused as error:
        log.error("settings refused: %s", error)
        ledger.has_failed("site", out.version, str(error))
        return
    trial = Trial(kind="site", version=out.version)
    ledger.remember(
        msgspec.structs.replace(ledger.memory, site=out.version, site_before=ledger.memory.site, trial=trial)
    )
    log.warning("settings on trial", extra={"version": out.version})


async def watch(ledger: Ledger) -> None:
    """The trial that runs, to its end; returns at once where none does."""
    folder, lasts_s = configfile.folder(), ledger.hardware.trial_s
    trial = site_trial.Trial(time.monotonic())
    while site_trial.running(folder):
        ledger.say(state="on-trial")
        trial, action = site_trial.decide(trial, ledger.hub, time.monotonic(), lasts_s, lasts_s)
        if action != "wait":
            _end(ledger, folder, action == "keep", lasts_s)
        await asyncio.sleep(LOOK_S)
    _settle(ledger)


def _end(ledger: Ledger, folder: Path, kept: bool, lost_s: float) -> None:
    """Kept or taken back. The memory first: what is taken back twice after a power cut is the same."""
    if kept:
        log.warning("settings kept", extra={"version": ledger.memory.site})
        site_trial.keep(folder)
    else:
        version = ledger.memory.site
        log.error("settings taken back", extra={"version": version})
        ledger.has_failed("site", version, f"the hub was lost for {lost_s:g} s after these settings; taken back")
        site_trial.take_back(folder)
    ledger.say(state="idle")


def _settle(ledger: Ledger) -> None:
    """No trial runs: memory and bus say so too."""
    ledger.say(state="idle")
    if ledger.memory.trial and ledger.memory.trial.kind == "site":
        ledger.remember(msgspec.structs.replace(ledger.memory, trial=None))
