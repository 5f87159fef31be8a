"""The audio self-test carried out: the sweep is played while the microphone listens. Thin shell over selftest_audio."""

import asyncio
from array import array

from firmware.audio import sweep as selftest_audio
from firmware.audio.microphone import Microphone
from firmware.audio.sweep import RATE_HZ, Echo, Verdict
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.playback import play

LISTEN_S = 0.6


async def soundcheck(microphone: Microphone) -> Verdict:
    """Takes about a second; never raises for what is wrong with the headset: that is the verdict."""
    device = microphone.playback()
    if device is None:
        return Verdict(fit=False, findings=("no headset is plugged in: plug it in, and try again",))
    if microphone.state.phase != "open":
        return Verdict(fit=False, findings=("the microphone is muted: press MUTE, and try again",))
    try:
        echo = await _echo(microphone, device)
    except HeadsetGone as error:
        return Verdict(fit=False, findings=(f"{error}; plug it in again, and try again",))
    return selftest_audio.judge(echo, microphone.meter.noise_floor_dbfs, microphone.meter.clipping)


async def _echo(microphone: Microphone, device: str) -> Echo:
    """The round trip of the sweep, from the moment it is handed to ALSA to the moment it is read from it."""
    loop, sweep = asyncio.get_running_loop(), selftest_audio.sweep()
    heard: array[int] = array("h")
    last_at_s = began_s = loop.time()

    def listen(samples: "array[int]") -> None:
        nonlocal last_at_s
        heard.extend(samples)
        last_at_s = loop.time()

    microphone.listeners.append(listen)
    try:
        await asyncio.to_thread(play, device, sweep, RATE_HZ)
        await asyncio.sleep(LISTEN_S)
    finally:
        microphone.listeners.remove(listen)
    after = round((last_at_s - began_s) * RATE_HZ)
    return await asyncio.to_thread(selftest_audio.find, sweep, heard[-after:] if after else heard)
