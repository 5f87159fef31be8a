"""What the updates service keeps over a restart and a roll-back: it lies on the data partition, in no slot."""

import logging
from pathlib import Path
from typing import Literal

import msgspec

from firmware import kept
from firmware.release.rollout import version_key

Kind = Literal["bundle", "site"]
FAILED_KEPT = 50
log = logging.getLogger("updates")


class Failed(msgspec.Struct, frozen=True):
    """A release that was tried here and taken back, or refused: never again."""

    kind: Kind
    version: str
    reason: str


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is on trial. Of a bundle: the slot it must boot from, in which boot it came and whether it came whole, and
    what worked before it: it need do no more. It is remembered before it is installed: nothing is booted unknown."""

    kind: Kind
    version: str
    slot: str = ""
    boot: str = ""
    installed: bool = True
    hub: bool = False
    headset: bool = False
    services: tuple[str, ...] = ()


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """`site` are the settings that were kept last; `proven` is the newest bundle that was marked good here. `leases`
    keep updates away until their end, in seconds since the epoch, by who asked."""

    site: str = "0"
    proven: str = "0"
    failed: tuple[Failed, ...] = ()
    trial: Trial | None = None
    leases: dict[str, float] = {}


def load(file: Path) -> Memory:
    """What was kept; a damaged file is told and forgotten: what then fails once more is taken back once more."""
    try:
        return kept.read(file, Memory) or Memory()
    except (OSError, kept.Damaged) as error:
        log.error("%s; it is begun anew", error)
        return Memory()


def keep(file: Path, memory: Memory) -> None:
    """Durable when this returns; OSError where the disk refuses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept.replace(file, kept.seal(memory), durable=True)


def failed(memory: Memory, kind: Kind, version: str, reason: str) -> Memory:
    """Without the trial, and with this failure as the newest."""
    others = tuple(each for each in memory.failed if (each.kind, each.version) != (kind, version))
    newest = (*others, Failed(kind, version, reason))[-FAILED_KEPT:]
    return msgspec.structs.replace(memory, failed=newest, trial=None)


def versions_failed(memory: Memory, kind: Kind) -> frozenset[str]:
    return frozenset(each.version for each in memory.failed if each.kind == kind)


def last_failed(memory: Memory, runs: str) -> Failed | None:
    """What failed last and is still newer than what is in force; a later one that is good makes it history."""
    has = {"bundle": version_key(runs), "site": version_key(memory.site)}
    return next((each for each in reversed(memory.failed) if version_key(each.version) > has[each.kind]), None)


def lease(memory: Memory, who: str, until_s: float, now_s: float) -> Memory:
    """`who` keeps updates away until then; leases that have ended go."""
    running = {each: end for each, end in memory.leases.items() if end > now_s and each != who}
    return msgspec.structs.replace(memory, leases={**running, who: until_s} if until_s > now_s else running)


def held(memory: Memory, now_s: float) -> bool:
    """Whether any lease runs. None lasts longer than it was given for: no lock sticks."""
    return any(end > now_s for end in memory.leases.values())
