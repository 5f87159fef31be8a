"""The earpiece: plays tones one after the other, and listens to the services whose changes deserve one. Thin shell."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from sdbus import SdBus

from firmware import bus
from firmware.audio import tones
from firmware.drivers.capture_switch import HeadsetError, HeadsetGone
from firmware.drivers.playback import play
from firmware.facts import Call, Fact, Panel, Uplinks

WAITING = 4
FOLLOWED: dict[str, type[Fact]] = {"Panel": Panel, "Uplinks": Uplinks, "Calls": Call}
log = logging.getLogger("earpiece")


class Earpiece:
    """`device` gives the ALSA name of the playback path, or None while there is no headset.

    `played` is told of each tone: its level in dBFS and its seconds.
    """

    def __init__(
        self, device: Callable[[], str | None], level_dbfs: float, played: Callable[[float, float], None]
    ) -> None:
        self.device, self.level_dbfs, self.played = device, level_dbfs, played
        self._soon: set[asyncio.Task[None]] = set()
        self._playing = asyncio.Lock()
        self._waiting = 0

    async def play_tone(self, name: str) -> None:
        """The method PlayTone: returns when it was played; ValueError for a name that is not a tone."""
        if name not in tones.NAMES:
            raise ValueError(f"{name!r} is not a tone; use one of {', '.join(tones.NAMES)}")
        device = self.device()
        if device is None:
            raise HeadsetGone("headset: no tone can be played while it is unplugged")
        if self._waiting >= WAITING:
            raise HeadsetError("headset: too many tones at once; this one is left out")
        await self._in_turn(device, cast("tones.Tone", name))

    async def _in_turn(self, device: str, tone: tones.Tone) -> None:
        self._waiting += 1
        try:
            async with self._playing:
                await asyncio.to_thread(play, device, tones.samples(tone, self.level_dbfs), tones.RATE_HZ)
                self.played(self.level_dbfs, tones.duration_s(tone))
        finally:
            self._waiting -= 1

    async def follow(self, on: SdBus, service: str) -> None:
        """Plays what the changes of `service` deserve, for ever."""
        before: Fact | None = None
        async for now in bus.follow(on, service, FOLLOWED[service]):
            self.changed(before, now)
            before = now

    def changed(self, before: Fact | None, now: Fact | None) -> None:
        """Plays what this change deserves, without waiting for it."""
        if tone := tones.for_change(before, now):
            task = asyncio.get_running_loop().create_task(self._try(tone))
            self._soon.add(task)
            task.add_done_callback(self._soon.discard)

    async def _try(self, tone: tones.Tone) -> None:
        try:
            await self.play_tone(tone)
        except HeadsetError as error:
            log.info("tone left out: %s", error)
