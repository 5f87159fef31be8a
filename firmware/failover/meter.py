"""LTE bytes as the interface counts them, kept over restarts and reboots. Thin; `firmware.failover.budget` reckons."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from firmware import kept
from firmware.config import FailoverPolicy
from firmware.failover import budget
from firmware.failover.budget import Usage

COUNTERS = "/sys/class/net/{}/statistics/{}_bytes"
SAVE_BYTES, SAVE_S = 5_000_000, 3_600.0
log = logging.getLogger("meter")


class Meter:
    """`file` is on the data partition: written each hour or each five megabytes, whichever is first."""

    def __init__(self, file: Path, interfaces: Sequence[str], policy: FailoverPolicy) -> None:
        self.file, self.interfaces, self.policy = file, interfaces, policy
        self.usage = self._saved = _load(file)
        self._saved_at = 0.0
        self.part = 0.0

    def read(self, now: float, at: datetime | None = None) -> Usage:
        """Counts what has gone since the last time."""
        at = at or datetime.now(UTC)
        self.part = budget.elapsed(at)
        counter = sum(_bytes(name, way) for name in self.interfaces for way in ("rx", "tx"))
        self.usage = budget.counted(self.usage, at.strftime("%Y-%m"), counter)
        if now - self._saved_at >= SAVE_S or self.usage.used_bytes - self._saved.used_bytes >= SAVE_BYTES:
            self.save(now)
        return self.usage

    @property
    def stretch(self) -> float:
        return budget.stretch(self.policy, self.usage, self.part)

    def save(self, now: float) -> None:
        """A month's count is worth no fsync; a count that cannot be kept is no reason to stop."""
        try:
            kept.replace(self.file, kept.seal(self.usage))
        except OSError as error:
            log.error("%s cannot be written: %s; LTE use since the last time is lost with a restart", self.file, error)
        self._saved, self._saved_at = self.usage, now


def _load(file: Path) -> Usage:
    try:
        return kept.read(file, Usage) or Usage()
    except (OSError, kept.Damaged) as error:
        log.error("LTE use is counted from nothing: %s", error)
        return Usage()


def _bytes(interface: str, way: str) -> int:
    """The interface's counter; nothing while it is away."""
    try:
        return int(Path(COUNTERS.format(interface, way)).read_text())
    except (OSError, ValueError):
        return 0
