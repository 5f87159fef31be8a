"""The dose of the shift, kept: of what calls play, heard behind the limiters, and of our tones. Thin shell."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from sdbus import SdBus

from firmware import bus, kept
from firmware.audio import hearing, level
from firmware.clock import rfc3339
from firmware.config import Config
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.ear_monitor import RATE_HZ, EarMonitor
from firmware.facts import Call, Headset

SAVE_S, READ_S, AGAIN_S = 60.0, 1.0, 0.5
log = logging.getLogger("hearing")


class Exposure:
    """`changed` is called when there is something new to show; `peak_limit_dbfs` is what the limiters were set to."""

    def __init__(self, file: Path, config: Config, changed: Callable[[], None]) -> None:
        self.file, self.changed = file, changed
        self.device = config.unit.headset.ear_monitor_device
        self.rest_s = config.site.headset.shift_rest_h * 3600
        self.at_full_scale_db = hearing.loudness(config.unit.headset)
        self.shift = remembered(file)
        self._saved_at_s = time.monotonic()
        self.peak_limit_dbfs: float | None = None
        self._in_call = asyncio.Event()
        self._listening = False

    def onto(self, fact: Headset) -> Headset:
        """`fact` with what is known of the ear."""
        if self.at_full_scale_db is None:
            return fact
        fact = replace(fact, peak_limit_dbfs=self.peak_limit_dbfs)
        if not self.device:
            return fact
        level_db, began_at_s = hearing.shift_db(self.shift.dose), self.shift.began_at_s
        return replace(
            fact,
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

    def tone(self, level_dbfs: float, seconds: float) -> None:
        """One of ours was played; in a call it was heard already."""
        if not self._listening:
            self.heard(level_dbfs, seconds)

    async def follow(self, on: SdBus) -> None:
        """Whether there is a call, for ever."""
        async for call in bus.follow(on, "Calls", Call):
            self._in_call.set() if call and call.state == "active" else self._in_call.clear()

    async def keep_listening(self) -> None:
        """Hears what is played in each call, for ever; over a headset that is pulled out, too."""
        while self.device and self.at_full_scale_db is not None:
            await self._in_call.wait()
            try:
                await self._listen()
            except HeadsetGone as error:
                log.debug("%s", error)  # the microphone has said so already
                await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        monitor = EarMonitor(self.device)
        self._listening = True
        try:
            while self._in_call.is_set():
                await asyncio.sleep(READ_S)
                self._count(monitor)
        finally:
            self._listening = False
            monitor.close()

    def _count(self, monitor: EarMonitor) -> None:
        if samples := monitor.read():
            found = level.measure(samples, RATE_HZ, level.FLOOR_DBFS)
            self.heard(level.dbfs(found.energy, found.samples), found.period_s)

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
