"""The bench's probe: a voice stream from the unit to the hub and back, in a process of its own, counted without end.

It goes over the voice plane where there is one, else over the data plane, else plainly by the default route, and says
which. As a program (`python -m hw.cables.probe UNIT HUB NUMBER`) it prints its count as a line of JSON, four a second.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from firmware.failover.tunnels import DATA, VOICE
from hw.cables import namespace
from hw.cables.topology import HUB, Names
from hw.cables.voice_stream import Tally, VoiceStream

PORT = 16_400
REPORT_S = 0.25
PLANE_WITHIN_S, FLOW_S, TRY_S = 5.0, 20.0, 0.1


class Way(NamedTuple):
    """One way to go: its name, the hub's address, and the unit's (None: whatever the route says, translated)."""

    name: str
    hub: str
    unit: str | None


def ways(number: int) -> tuple[Way, ...]:
    """The best first."""
    return (
        Way("voice", VOICE.hub(), VOICE.unit(number)),
        Way("data", DATA.hub(), DATA.unit(number)),
        Way("plain", HUB, None),
    )


def open_stream(unit: str, hub: str, way: Way) -> VoiceStream:
    """The stream on one way; OSError where an end of it is not there."""
    own = namespace.udp_socket(unit, (way.unit or "0.0.0.0", PORT))
    try:
        far = namespace.udp_socket(hub, (way.hub, PORT))
    except OSError:
        own.close()
        raise
    return VoiceStream(own, far, (way.hub, PORT), (way.unit, PORT) if way.unit else None)


async def best(unit: str, hub: str, number: int) -> tuple[Way, VoiceStream]:
    """The best way there is, with some patience for tunnels that are just being made."""
    ends = time.monotonic() + PLANE_WITHIN_S
    while True:
        tunnels_due = time.monotonic() < ends
        for way in ways(number)[: 1 if tunnels_due else None]:
            with contextlib.suppress(OSError):
                return way, open_stream(unit, hub, way)
        await asyncio.sleep(0.05)


def report(way: Way, since: str, up: Tally, down: Tally, now: float) -> dict[str, Any]:
    """`GET /probe.json`: both directions together, then each."""
    each = {"up": up.summary(now), "down": down.summary(now)}
    total = {name: sum(one[name] for one in each.values()) for name in ("sent", "received", "lost", "duplicated")}
    gap = {name: max(one[name] for one in each.values()) for name in ("longest_gap_ms", "sender_pause_ms")}
    return {"way": way.name, "since": since, **total, **gap, **each}


async def flowing(unit: str, hub: str, number: int) -> tuple[Way, VoiceStream]:
    """A fresh stream on the best way, once packets pass both ways there (first handshakes take seconds), or FLOW_S."""
    way, stream = await best(unit, hub, number)
    ends = time.monotonic() + FLOW_S
    while time.monotonic() < ends and not (stream.up.received and stream.down.received):
        await stream.run(TRY_S)
    stream.close()
    return way, open_stream(unit, hub, way)


async def serve(unit: str, hub: str, number: int) -> None:
    way, stream = await flowing(unit, hub, number)
    since = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    running = asyncio.create_task(stream.run())
    while not running.done():
        print(json.dumps(report(way, since, stream.up, stream.down, time.time())), flush=True)
        await asyncio.sleep(REPORT_S)
    await running


class Probe:
    """The probe as the bench holds it, a `hw.twin.Twin`; `state` is `GET /probe.json`."""

    def __init__(self, names: Names, number: int = 1) -> None:
        self._argv = (sys.executable, "-m", "hw.cables.probe", names.unit, names.hub, str(number))
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._last: dict[str, Any] = {}

    async def command(self, body: dict[str, object]) -> None:
        """`{"restart": true}` counts anew, by the best way there is then; ValueError for anything else."""
        if body != {"restart": True}:
            raise ValueError(f'probe: {body!r} is not known; the one thing it does is {{"restart": true}}')
        await self.start()

    async def start(self) -> None:
        """Counts from nothing; also to count anew."""
        await self.close()
        self._last = {}
        self._child = await asyncio.create_subprocess_exec(*self._argv, stdout=asyncio.subprocess.PIPE)
        self._reading = asyncio.create_task(self._read(self._child))

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        async for line in child.stdout:
            self._last = json.loads(line)

    def state(self) -> dict[str, Any]:
        """Empty until the stream has begun; at most REPORT_S old."""
        return dict(self._last)

    async def close(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(signal.SIGKILL)
        if self._child is not None:
            await self._child.wait()
        if self._reading is not None:
            await self._reading
        self._child, self._reading = None, None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hw.cables.probe")
    parser.add_argument("unit", help="the unit's namespace")
    parser.add_argument("hub", help="the hub's namespace")
    parser.add_argument("number", type=int, help="the unit's number, for its addresses")
    given = parser.parse_args()
    asyncio.run(serve(given.unit, given.hub, given.number))


if __name__ == "__main__":
    main()
