"""`python -m tests.bench.limiter [--sensitivity 124] [--volts 1]`, inside bench/machine/enter: hearing protection.

A full-scale burst is played into `hdu_headset`, as the softphone does; the peak that comes out at the earpiece is
printed in dBFS and as sound pressure, with and without the limiters.
"""

import argparse
import asyncio
import contextlib
import math
import os
import tempfile
from array import array
from pathlib import Path

from firmware.audio import hearing
from firmware.config import Config, Folders, HeadsetHardware, UnitFile
from firmware.drivers import playback_path
from firmware.drivers.headset_alsa import locate
from firmware.drivers.headset_usb import NAME
from firmware.drivers.playback import play
from hw.headset.server import ending
from hw.headset.twin import HeadsetTwin

RATE_HZ, EAR_HZ, BURST_S, TAIL_S = 16_000, 48_000, 0.3, 0.3


def burst(level_dbfs: float) -> "array[int]":
    """A sine of 1 kHz whose peak is at `level_dbfs`, loud from its first sample on."""
    peak = 32_767 * 10 ** (level_dbfs / 20)
    return array(
        "h", (round(peak * math.cos(2 * math.pi * 1_000 * at / RATE_HZ)) for at in range(int(BURST_S * RATE_HZ)))
    )


async def peaks(twin: HeadsetTwin, device: str, *sounds: "array[int]") -> list[float]:
    """The highest peak of each sound at the earpiece, in dBFS."""
    return [await _peak(twin, device, each) for each in sounds]


async def _peak(twin: HeadsetTwin, device: str, sound: "array[int]") -> float:
    await twin.server.pactl("set-source-mute", "ear.monitor", "0")
    words = ("parec", "--raw", "--device=ear.monitor", "--format=s16le", "--channels=1", "--latency-msec=20")
    process = await twin.server.spawn(*words, f"--rate={EAR_HZ}")
    assert process.stdout
    heard = array("h")
    async with ending(process):
        heard.frombytes(await process.stdout.readexactly(2 * EAR_HZ // 10))
        playing = asyncio.create_task(asyncio.to_thread(play, device, sound, RATE_HZ))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BURST_S + TAIL_S + 1.0):
                while not playing.done() or len(heard) < EAR_HZ * (BURST_S + TAIL_S):
                    heard.frombytes(await process.stdout.readexactly(960))
        await playing
    return 20 * math.log10(max(max(heard), -min(heard), 1) / 32_768)


async def measure(hardware: HeadsetHardware) -> None:
    at_full_scale_db = hearing.full_scale_db(hardware.sensitivity_db_spl_per_v, hardware.full_scale_v) or 0.0
    with tempfile.TemporaryDirectory() as folder:
        twin = HeadsetTwin(Path(folder) / "headset")
        await twin.start()
        os.environ.update(twin.environment)
        unit = UnitFile(headset=hardware, folders=Folders(run=folder))
        for limit in (None, hearing.limit_dbfs(at_full_scale_db)):
            playback_path.use(Config(unit=unit), "bench", locate(hardware), limit)
            (loud,) = await peaks(twin, NAME, burst(0.0))
            heard_db = loud + at_full_scale_db
            print(f"limit {limit} dBFS: a full-scale burst comes out at {loud:6.2f} dBFS, {heard_db:6.1f} dB")
        await twin.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.limiter")
    parser.add_argument("--sensitivity", type=float, default=124.0, help="dB SPL per volt")
    parser.add_argument("--volts", type=float, default=1.0, help="RMS at full scale")
    given = parser.parse_args()
    asyncio.run(
        measure(
            HeadsetHardware(alsa_device="headset", sensitivity_db_spl_per_v=given.sensitivity, full_scale_v=given.volts)
        )
    )


if __name__ == "__main__":
    main()
