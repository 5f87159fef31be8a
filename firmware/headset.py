"""The headset service: the commanded mute, carried out and proven; level; tones; the ear. One process of its own.

`DATA/mute` (`muted` or `live`) is the command, written by the panel and, when the headset's own button is pressed, by
us. At the start it is carried out before anything else, the bus included. A file that is there and cannot be read is
taken as muted. The process may be aborted by an unplugged device at any time: all it needs is in that file.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

import msgspec

from firmware import bus, facts, watch
from firmware.audio import hearing
from firmware.audio.earpiece import FOLLOWED, Earpiece
from firmware.audio.exposure import Exposure
from firmware.audio.microphone import Microphone
from firmware.audio.own_button import OwnButton
from firmware.audio.soundcheck import soundcheck
from firmware.drivers import hotplug, playback_path
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_alsa import attach, locate
from firmware.drivers.headset_usb import Devices
from firmware.service import Unit, run

MUTE, HEARING = "mute", "hearing.json"
log = logging.getLogger("headset")


class Desk:
    """The parts of one headset service, and what it says of them."""

    def __init__(self, unit: Unit) -> None:
        self.unit, self.config = unit, unit.config
        data = Path(unit.config.unit.folders.data)
        data.mkdir(parents=True, exist_ok=True)
        self.file = data / MUTE
        self.plugged = asyncio.Event()
        self.microphone = Microphone(self.file, unit.config.site.headset, lambda: None)
        self.exposure = Exposure(data / HEARING, unit.config, lambda: None)
        self.earpiece = Earpiece(self.microphone.playback, unit.config.site.headset.tone_dbfs, self.exposure.tone)
        self.button = OwnButton(unit.config, self.microphone)

    def fact(self) -> facts.Headset:
        return self.exposure.onto(self.microphone.fact())

    async def show(self) -> None:
        """On the bus from now on, and at every change."""
        methods = [
            bus.Method("PlayTone", "s", ("name",), "", self.earpiece.play_tone),
            bus.Method("SelfTest", "", (), "s", self.self_tested),
        ]
        export = bus.Export(self.unit.bus, "Headset", self.fact(), methods)
        self.microphone.changed = self.exposure.changed = lambda: self.announce(export)
        await export.own()

    def announce(self, export: bus.Export[facts.Headset]) -> None:
        """Ten times a second, so only what is new goes any further."""
        before, now = export.value, self.fact()
        if now == before:
            return
        export.set(now)
        self.earpiece.changed(before, now)
        self.button.show(now.mute_state)

    async def self_tested(self) -> str:
        """The method SelfTest: the verdict as JSON, `{"fit": bool, "findings": [words]}`."""
        return msgspec.json.encode(await soundcheck(self.microphone)).decode()

    async def obey(self) -> None:
        """Carries out what the file says, whenever it is written."""
        async for name in watch.names(self.file.parent):
            if name in ("", self.file.name):
                self.button.take()
                self.microphone.obey()

    async def keep_attached(self) -> None:
        """Opens the headset again whenever it has gone: when udev tells of a card, else every `retry_s`."""
        while True:
            if self.microphone.headset is not None or self.try_attach():
                await self.microphone.gone.wait()
            self.plugged.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.plugged.wait(), self.config.site.headset.retry_s)

    def try_attach(self) -> bool:
        """False while the headset is not there."""
        with contextlib.suppress(HeadsetGone):
            found = locate(self.config.unit.headset)
            self.lay_path(found)
            self.microphone.attach(attach(found, self.config.site.headset.period_ms))
            self.button.look()
        return self.microphone.headset is not None

    def lay_path(self, found: Devices) -> None:
        """To the ear, through the limiters; a mute is not held up by what cannot be written."""
        limit_dbfs, absent = hearing.limit_dbfs(self.exposure.at_full_scale_db), playback_path.missing()
        if absent and limit_dbfs is not None:
            log.error("headset: no limiter in the way to the ear: %s is missing; install swh-plugins", absent)
        try:
            playback_path.use(self.config, "headset", found, limit_dbfs)
            self.exposure.peak_limit_dbfs = None if absent else limit_dbfs
        except OSError as error:
            log.error("headset: the way to the ear cannot be written: %s; is its folder full?", error)

    async def watch_plugs(self) -> None:
        """A named ALSA device needs no udev, and no libudev in memory."""
        async for _ in hotplug.changes():
            self.plugged.set()


async def body(unit: Unit) -> None:
    desk = Desk(unit)
    desk.microphone.obey()
    desk.try_attach()
    unit.group.create_task(desk.obey(), name="obey")
    unit.group.create_task(desk.keep_attached(), name="keep-attached")
    if not unit.config.unit.headset.alsa_device:
        unit.group.create_task(desk.watch_plugs(), name="watch-plugs")
    await desk.show()
    unit.group.create_task(desk.exposure.follow(unit.bus), name="calls")
    unit.group.create_task(desk.exposure.keep_listening(), name="dose")
    for service in FOLLOWED:
        unit.group.create_task(desk.earpiece.follow(unit.bus, service), name=f"tones of {service}")
    unit.ready()


if __name__ == "__main__":
    run(body)
