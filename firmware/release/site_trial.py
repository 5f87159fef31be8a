"""New site settings on trial: kept when the hub stayed, taken back when it was lost for LOST_S after they came.

`decide` is pure. On disk, where new settings are put (`configfile.settings`): `site.before.toml` is what is gone back
to, and it is there exactly while a trial runs: after a power cut the trial goes on, with its time begun anew.
"""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from firmware import configfile, kept
from firmware.config import Site

LOST_S = 300.0
KEEP_S = 300.0
NAME, BEFORE = "site.toml", "site.before.toml"


class Trial(msgspec.Struct, frozen=True):
    """Since when the hub is what it is now (`connected`), in seconds of the monotonic clock."""

    since_s: float
    connected: bool = False


def decide(
    trial: Trial, connected: bool | None, now_s: float, lost_s: float = LOST_S, keep_s: float = KEEP_S
) -> tuple[Trial, Literal["wait", "keep", "take-back"]]:
    """The trial as it is now and what to do. Unknown is not connected: settings may have broken who would know."""
    if bool(connected) is not trial.connected:
        trial = Trial(now_s, bool(connected))
    lasted_s = now_s - trial.since_s
    if trial.connected:
        return trial, "keep" if lasted_s >= keep_s else "wait"
    return trial, "take-back" if lasted_s >= lost_s else "wait"


class SiteRefused(Exception):
    """The settings are not taken; the message names every fault. Nothing has changed."""


def check(data: bytes) -> None:
    """SiteRefused where any value is wrong, unknown or out of its bound: a signature does not make settings right."""
    faults: list[str] = []
    try:
        configfile.parse(Site, tomllib.loads(data.decode()), NAME, faults)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(f"{NAME}: cannot be read: {error}")
    if faults:
        raise SiteRefused("; ".join(faults))


def running(folder: Path) -> bool:
    """Whether a trial runs in the configuration's `folder`."""
    return (configfile.settings(folder) / BEFORE).exists()


def begin(folder: Path, data: bytes) -> None:
    """Puts checked settings in force, sealed and on trial. A trial that runs goes on, with the same way back."""
    check(data)
    now, to = configfile.site(folder), configfile.settings(folder)
    if not running(folder):
        kept.replace(to / BEFORE, now.read_bytes() if now.exists() else b"", durable=True)
    kept.replace(to / NAME, configfile.seal(data), durable=True)


def keep(folder: Path) -> None:
    """The settings stay."""
    at = configfile.settings(folder)
    (at / BEFORE).unlink(missing_ok=True)
    kept.sync(at)


def take_back(folder: Path) -> None:
    """The settings before them are in force again; a no-op where no trial runs."""
    if running(folder):
        at = configfile.settings(folder)
        kept.replace(at / NAME, (at / BEFORE).read_bytes(), durable=True)
        keep(folder)
