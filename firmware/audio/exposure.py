"""The dose of the shift, kept: of what is decoded for the ear and of our tones; on disk each minute. Thin shell."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from sdbus import SdBus

from firmware import bus, kept
from firmware.audio import hearing
from firmware.clock import rfc3339
from firmware.config import Config
from firmware.facts import Call, Headset

SAVE_S = 60.0
log = logging.getLogger("hearing")


class Exposure:
    """`changed` is called when there is something new to show."""

    def __init__(self, file: Path, config: Config, changed: Callable[[], None]) -> None:
        self.file, self.changed = file, changed
        self.rest_s = config.site.headset.shift_rest_h * 3600
        self.at_full_scale_db = hearing.loudness(config.unit.headset)
        self.shift = remembered(file)
        self._saved_at_s = time.monotonic()

    def onto(self, fact: Headset) -> Headset:
        """`fact` with what is known of the ear; all of it unknown while the headset's loudness is."""
        if self.at_full_scale_db is None:
            return fact
        level_db, began_at_s = hearing.shift_db(self.shift.dose), self.shift.began_at_s
        return replace(
            fact,
            peak_limit_dbfs=hearing.limit_dbfs(self.at_full_scale_db),
            shift_began="" if began_at_s is None else rfc3339(began_at_s),
            shift_level_db=None if level_db is None else round(level_db, 1),
            shift_dose_percent=round(100 * hearing.used(self.shift.dose), 1),
            shift_dose_spent=hearing.used(self.shift.dose) >= 1.0,
        )

    def heard(self, level_dbfs: float, seconds: float) -> None:
        """So loud for so long, just now."""
        if self.at_full_scale_db is None or seconds <= 0:
            return
        before, now_s = hearing.used(self.shift.dose), time.time()
        self.shift = hearing.sounded(self.shift, level_dbfs, seconds, self.at_full_scale_db, now_s, self.rest_s)
        if before < 1.0 <= hearing.used(self.shift.dose):
            log.warning("the sound dose of this shift is spent", extra={"limit_db": hearing.SHIFT_LIMIT_DB})
        self._save()
        self.changed()

    async def follow(self, on: SdBus) -> None:
        """Counts each call, for ever: a level holds until the next is told."""
        level_dbfs, since_s = None, time.monotonic()
        async for call in bus.follow(on, "Calls", Call):
            now_s = time.monotonic()
            if level_dbfs is not None:
                self.heard(level_dbfs, now_s - since_s)
            level_dbfs, since_s = call.ear_dbfs if call else None, now_s

    def _save(self) -> None:
        """A minute of sound is lost at most with the service; a disk that is full or broken costs no call."""
        now_s = time.monotonic()
        if now_s - self._saved_at_s < SAVE_S:
            return
        self._saved_at_s = now_s
        try:
            kept.replace(self.file, kept.seal(self.shift))
        except OSError as error:
            log.warning("the dose cannot be kept in %s: %s", self.file, error)


def remembered(file: Path) -> hearing.Shift:
    """What is on disk; a shift with nothing in it where there is nothing that can be read."""
    try:
        return kept.read(file, hearing.Shift) or hearing.Shift()
    except (OSError, kept.Damaged) as error:
        log.warning("the dose cannot be read: %s; counted from nothing", error)
        return hearing.Shift()
