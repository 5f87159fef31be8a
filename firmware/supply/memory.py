"""What the power service keeps over a restart: this battery, its tests, and whether its voltage was right."""

import logging
from pathlib import Path

import msgspec

from firmware import kept
from firmware.supply.age import Tested
from firmware.supply.battery import Battery

log = logging.getLogger("power")


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    battery: Battery | None = None
    tested_at: str = ""
    tested_minutes: float | None = None
    voltage_right: bool | None = None
    tests: tuple[Tested, ...] = ()


def load(file: Path) -> Memory:
    """What was kept; a file that is torn or not ours is told and forgotten: the battery is then known by its rating."""
    try:
        return kept.read(file, Memory) or Memory()
    except (OSError, kept.Damaged) as error:
        log.error("%s; run a battery test to learn it again", error)
        return Memory()


def keep(file: Path, memory: Memory) -> None:
    """Durable when this returns; OSError where the disk refuses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept.replace(file, kept.seal(memory), durable=True)
