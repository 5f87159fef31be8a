"""`python -m tests.bench.delay`, inside bench/machine/enter: what our part adds between the network and the ear.

A short tone is said at the agency; a packet socket on the unit's interface sees it come in (PCMU in clear, so that it
can be recognised), a listener at the earpiece hears it. Then the other way: from the microphone to the first packet
with it. Both include one packet of 20 ms; the listeners' own delay (up to 10 ms) is counted as ours. What the bench's
sound server holds of the softphone's sound is asked of itself: a unit has none, there a card's `dmix` holds `device_ms`
instead. Prints a table and writes results/delay.json.
"""

import argparse
import asyncio
import json
import math
import os
import re
import socket
import statistics
import struct
import tempfile
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.config import CallPolicy
from hw.cables.namespace import within
from hw.headset.server import Server, ending
from tests.bench.audio import system_bus
from tests.firmware.call_scene import Scene, scene

RESULTS = Path("results/delay.json")
RATE_HZ, CHUNK_MS, PACKET_MS = 8_000, 5, 20
BURST_S, QUIET_S = 0.1, 0.6
LOUD = 2_000
SO_TIMESTAMPNS, OUTGOING = 35, 4


def burst() -> bytes:
    """A tenth of a second of 1 kHz at -6 dBFS, from its first sample on."""
    return array("h", (round(16_000 * math.cos(math.pi * at / 4)) for at in range(round(BURST_S * RATE_HZ)))).tobytes()


def of_ulaw(value: int) -> int:
    """The magnitude of a mu-law sample (ITU-T G.711)."""
    value = ~value & 0xFF
    return (((value & 0x0F) * 2 + 33) << ((value >> 4) & 7)) - 33 << 2


def onset(samples: list[int]) -> int | None:
    """The first loud sample."""
    return next((at for at, value in enumerate(samples) if abs(value) > LOUD), None)


class Tap:
    """Every PCMU packet on the unit's side of the cable: when its first loud sample was, by direction."""

    def __init__(self, namespace: str) -> None:
        self.socket = within(namespace, _packets)
        self.loud: dict[bool, float | None] = {True: None, False: None}
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._read)

    def reset(self) -> None:
        self.loud = {True: None, False: None}

    def _read(self) -> None:
        data, ancillary, _, address = self.socket.recvmsg(2_048, 64)
        start = (data[0] & 0x0F) * 4
        if data[9] != socket.IPPROTO_UDP or len(data) < start + 8 + 12 + 160 or data[start + 9] & 0x7F:
            return
        seconds, nanoseconds = struct.unpack_from("@ll", ancillary[0][2])
        at = seconds + nanoseconds / 1e9 - time.time() + time.monotonic()
        first = onset([of_ulaw(value) for value in data[start + 20 : start + 180]])
        out = address[2] == OUTGOING
        if first is not None and self.loud[out] is None:
            self.loud[out] = at + first / RATE_HZ

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()


def _packets() -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return made


async def hear(server: Server, source: str, told: Callable[[float], None]) -> None:
    """Tells when each first loud sample came out of `source`."""
    words = ["parec", "--raw", f"--device={source}", "--format=s16le", "--channels=1", f"--latency-msec={CHUNK_MS}"]
    await server.pactl("set-source-mute", source, "0")
    process = await server.spawn(*words, f"--rate={RATE_HZ}")
    assert process.stdout
    async with ending(process):
        while True:
            data = array("h", await process.stdout.readexactly(2 * RATE_HZ * CHUNK_MS // 1000))
            if (first := onset(list(data))) is not None:
                told(time.monotonic() - (len(data) - first) / RATE_HZ)


async def say(server: Server) -> None:
    words = ("pacat", "--playback", "--raw", "--device=mouth", "--format=s16le", "--channels=1", "--latency-msec=20")
    process = await server.spawn(*words, f"--rate={RATE_HZ}", stdin=asyncio.subprocess.PIPE)
    async with ending(process):
        await process.communicate(burst())


async def one_way(tap: Tap, source: Server, listen: Server, at: str, runs: int, outgoing: bool) -> list[float]:
    """Milliseconds between network and sound, over `runs` tones."""
    found, heard = [], list[float]()
    listener = asyncio.create_task(hear(listen, at, heard.append))
    for _ in range(runs):
        await asyncio.sleep(QUIET_S)
        heard.clear()
        tap.reset()
        await say(source)
        try:
            async with asyncio.timeout(5):
                while not heard or tap.loud[outgoing] is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            where = "network" if tap.loud[outgoing] is None else at
            print(f"a tone was not seen at {where} within 5 s, and is left out", flush=True)
            continue
        network = tap.loud[outgoing] or 0.0
        found.append((network - heard[0] if outgoing else heard[0] - network) * 1000)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    return found


async def both_ways(here: Scene, runs: int) -> dict[str, Any]:
    await here.talk()
    await here.until(lambda call: call.mos is not None, within_s=15)
    await here.headset.command({"speaking": False, "room": False})
    await here.agency.desk.end()
    tap = Tap(f"/proc/{here.softphone()}/ns/net")
    said, worn = here.agency.desk.server, here.headset.server
    into = await one_way(tap, said, worn, "ear.monitor", runs, outgoing=False)
    out = await one_way(tap, worn, worn, "mic", runs, outgoing=True)
    tap.close()
    held = held_ms(await worn.pactl("list", "sink-inputs"))
    assert here.call
    shown = {"underruns": here.call.underruns, "overruns": here.call.overruns, "lost_frames": here.call.lost_frames}
    found = {"network_to_ear": summary(into), "microphone_to_network": summary(out), **shown}
    return {**found, "of_it_sound_server_holds_ms": held, "a_card_would_hold_ms": CallPolicy().device_ms}


def held_ms(inputs: str) -> float | None:
    """What a sound server holds of the softphone's sound, by its own listing of its streams; None: no such stream."""
    of_it = next((each for each in inputs.split("Sink Input #") if "[baresip]" in each), "")
    parts = [float(each) / 1000 for each in re.findall(r"(?:Buffer|Sink) Latency: (\d+) usec", of_it)]
    return round(sum(parts), 1) if parts else None


def summary(values: list[float]) -> dict[str, float]:
    return {"p50_ms": round(statistics.median(values), 1), "max_ms": round(max(values), 1), "runs": len(values)}


async def measure(runs: int, calls: str = "") -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, system_bus(Path(folder)):
        async with scene(Path(folder), "pcmu", "none", calls=calls) as here:
            return {"load_average": round(os.getloadavg()[0], 2), **await both_ways(here, runs)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.delay")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--calls", default="", help="more lines for [calls] of site.toml")
    options = parser.parse_args()
    found = asyncio.run(measure(options.runs, options.calls))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    for name in ("network_to_ear", "microphone_to_network"):
        print(f"{name.replace('_', ' '):24} p50 {found[name]['p50_ms']:6} ms   max {found[name]['max_ms']:6} ms")
    holds, card = found["of_it_sound_server_holds_ms"], found["a_card_would_hold_ms"]
    print(f"of it the bench's sound server holds {holds} ms, where a card's dmix is set to hold {card}")
    print(f"underruns {found['underruns']}, overruns {found['overruns']}, load average {found['load_average']}")


if __name__ == "__main__":
    main()
