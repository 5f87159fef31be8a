"""ALSA's way to and from the headset, written as configuration: the limiters in front of the ear, the gate behind the
microphone.

`hdu_headset` is what the softphone and our tones open. What is played goes through LADSPA's fast look-ahead limiter
(swh-plugins, 1913), which turns the gain down before a peak comes, and then through its hard limiter (1413), which cuts
what is left: the first is for the ear, the second is the promise.
"""

import os
from pathlib import Path

from firmware.config import Config
from firmware.drivers.headset_usb import Devices

BASE = "/usr/share/alsa/alsa.conf"
LADSPA = "/usr/lib/ladspa"  # a plugin without its file name makes ALSA open every file there
FILES = ("fast_lookahead_limiter_1913.so", "hard_limiter_1413.so")
SOFTEST_DBFS, HARDEST_DBFS = -20.0, -50.0  # what the two limiters can be set to
RELEASE_S, IPC_KEY = 0.05, 0x911_000
RATE_HZ = 48_000  # the card's: a peak that arises between two samples of a slower rate is seen here

LIMITED = """pcm.hdu_ear {{
    type plug
    slave {{
        rate {rate_hz}
        pcm {{
            type ladspa
            path "{ladspa}"
            channels 2
            slave.pcm "plug:{below}"
            playback_plugins {{
                0 {{
                    label fastLookaheadLimiter
                    filename "{ladspa}/fast_lookahead_limiter_1913.so"
                    input {{ controls [ 0 {soft} {release_s} ] }}
                }}
                1 {{
                    label hardLimiter
                    filename "{ladspa}/hard_limiter_1413.so"
                    policy duplicate
                    input {{ controls [ {hard} 1 0 ] }}
                }}
            }}
        }}
    }}
}}
"""
MIXED = """pcm.hdu_mix {{
    type dmix
    ipc_key {key}
    ipc_perm 0660
    ipc_gid audio
    slave {{
        pcm "hw:{card}"
        rate {rate_hz}
        period_time {period_us}
        buffer_time {buffer_us}
    }}
}}
"""
OPEN = """pcm.hdu_ear {{ type plug slave.pcm "{below}" }}
"""
HEADSET = """pcm.hdu_headset {{
    type asym
    playback.pcm hdu_ear
    capture.pcm "{mouth}"
}}
"""


def configuration(base: str, found: Devices, limit_dbfs: float | None, device_ms: float) -> str:
    """asound.conf over `base`; without a known limit there is none, and nothing says that there were."""
    limited = LIMITED if limit_dbfs is not None else OPEN
    limit = 0.0 if limit_dbfs is None else max(limit_dbfs, HARDEST_DBFS)
    ear = limited.format(
        ladspa=LADSPA,
        below=found.ear,
        soft=max(limit, SOFTEST_DBFS),
        hard=limit,
        release_s=RELEASE_S,
        rate_hz=RATE_HZ,
    )
    return f"<{base}>\n{_mixed(found, device_ms)}{ear}{HEADSET.format(mouth=found.mouth)}"


def _mixed(found: Devices, device_ms: float) -> str:
    """A card's own mixing, with a buffer no longer than asked for: ALSA's usual one holds more than a call may wait."""
    if found.card is None:
        return ""
    buffer_us = round(device_ms * 1000)
    return MIXED.format(
        key=IPC_KEY + found.card, card=found.card, rate_hz=RATE_HZ, period_us=buffer_us // 3, buffer_us=buffer_us
    )


def missing() -> str:
    """The plugin that is not installed; empty where both are."""
    return next((name for name in FILES if not Path(LADSPA, name).exists()), "")


def use(config: Config, owner: str, found: Devices | None, limit_dbfs: float | None) -> None:
    """From now on `hdu_headset` is this headset, for this process (`owner`) and its children. OSError where it cannot.

    Without a headset it stays what it was. ALSA reads a configuration that changed anew whenever a device is opened.
    Each service has a file of its own, because each has a user of its own.
    """
    file = Path(config.unit.folders.run) / owner / "asound.conf"
    if os.environ.get("ALSA_CONFIG_PATH") != str(file):
        os.environ["HDU_ALSA_BASE"] = os.environ.get("ALSA_CONFIG_PATH", BASE)
        os.environ["ALSA_CONFIG_PATH"] = str(file)
    base = os.environ["HDU_ALSA_BASE"]
    if found:
        limit_dbfs = None if missing() else limit_dbfs  # a way to the ear without limiters, rather than none
        _write(file, configuration(base, found, limit_dbfs, config.site.calls.device_ms))
    elif not file.exists():
        _write(file, f"<{base}>\n")


def _write(file: Path, text: str) -> None:
    if file.exists() and file.read_text() == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".asound.{os.getpid()}")
    temporary.write_text(text)
    temporary.rename(file)
