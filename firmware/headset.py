"""The headset service: the commanded mute, carried out and proven; level; tones. One process of its own.

`DATA/mute` (`muted` or `live`) is the command, written by the panel and, when the headset's own button is pressed, by
us. At the start it is carried out before anything else, the bus included. A file that is there and cannot be read is
taken as muted. The process may be aborted by an unplugged device at any time: all it needs is in that file.
"""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from firmware import bus, facts, watch
from firmware.audio import mute
from firmware.audio.earpiece import FOLLOWED, Earpiece
from firmware.audio.microphone import Microphone, commanded
from firmware.audio.soundcheck import soundcheck
from firmware.config import Config
from firmware.drivers import hotplug
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_alsa import attach
from firmware.service import Unit, run

MUTE = "mute"


async def body(unit: Unit) -> None:
    file = Path(unit.config.unit.folders.data) / MUTE
    file.parent.mkdir(parents=True, exist_ok=True)
    microphone = Microphone(file, unit.config.site.headset, lambda: None)
    microphone.happen(mute.Commanded(muted=commanded(file)))
    try_attach(microphone, unit.config)
    earpiece = Earpiece(microphone.playback, unit.config.site.headset.tone_dbfs)
    play_tone = bus.Method("PlayTone", "s", ("name",), "", earpiece.play_tone)
    self_test = bus.Method("SelfTest", "", (), "s", lambda: self_tested(microphone))
    export = bus.Export(unit.bus, "Headset", microphone.fact(), [play_tone, self_test])
    microphone.changed = lambda: announce(export, microphone.fact())
    unit.group.create_task(obey(microphone, file), name="obey")
    plugged = asyncio.Event()
    unit.group.create_task(keep_attached(microphone, unit.config, plugged), name="keep-attached")
    if not unit.config.unit.headset.alsa_device:
        unit.group.create_task(watch_plugs(plugged), name="watch-plugs")
    await export.own()
    for service in FOLLOWED:
        unit.group.create_task(earpiece.follow(unit.bus, service), name=f"tones of {service}")
    unit.ready()


def announce(export: bus.Export[facts.Headset], fact: facts.Headset) -> None:
    """Twenty times a second, so only what is new goes any further."""
    if fact != export.value:
        export.set(fact)


async def self_tested(microphone: Microphone) -> str:
    """The method SelfTest: the verdict as JSON, `{"fit": bool, "findings": [words]}`."""
    return msgspec.json.encode(await soundcheck(microphone)).decode()


async def obey(microphone: Microphone, file: Path) -> None:
    """Carries out what the file says, whenever it is written."""
    async for name in watch.names(file.parent):
        if name in ("", file.name):
            microphone.happen(mute.Commanded(muted=commanded(file)))


async def keep_attached(microphone: Microphone, config: Config, plugged: asyncio.Event) -> None:
    """Opens the headset again whenever it has gone: when udev tells of a card, else every `retry_s`."""
    while True:
        if microphone.headset is not None or try_attach(microphone, config):
            await microphone.gone.wait()
        plugged.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(plugged.wait(), config.site.headset.retry_s)


async def watch_plugs(plugged: asyncio.Event) -> None:
    """A named ALSA device needs no udev, and no libudev in memory."""
    async for _ in hotplug.changes():
        plugged.set()


def try_attach(microphone: Microphone, config: Config) -> bool:
    """False while the headset is not there."""
    with contextlib.suppress(HeadsetGone):
        microphone.attach(attach(config.unit.headset, config.site.headset.period_ms))
    return microphone.headset is not None


if __name__ == "__main__":
    run(body)
