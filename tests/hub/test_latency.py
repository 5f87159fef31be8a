"""From a unit's publish to the line of /events that holds the alert: one machine, real broker, TLS, one clock."""

import asyncio
import json
import statistics
import time

import msgspec
import pytest
from ulid import ULID

from firmware import facts
from hub.console.times import rfc3339
from tests.hub.conftest import UNITS, Broker, Console

ALERTS, WARM_UP, P99_MS = 200, 20, 50.0


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def arrivals(console: Console, seen: "asyncio.Queue[tuple[float, set[str]]]") -> None:
    """For every pushed document: when it was read here, and the alerts it holds."""
    async with console.http.get("http://console/events", read_bufsize=1 << 22) as stream:
        async for line in stream.content:
            now = time.perf_counter()
            if line.startswith(b"data: "):
                seen.put_nowait((now, {row["id"] for row in json.loads(line[6:])["alerts"]}))


@pytest.mark.slow
async def test_an_alert_is_pushed_to_the_page_within_50_ms(
    real_broker: Broker, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alerts one after the other, 60 ms apart or so: each is the first change after a quiet time, as in life."""
    seen: asyncio.Queue[tuple[float, set[str]]] = asyncio.Queue()
    listener = asyncio.create_task(arrivals(console, seen))
    took_ms = []
    async with asyncio.timeout(100), real_broker.unit() as unit:
        await seen.get()
        for _ in range(ALERTS + WARM_UP):
            id = str(ULID())
            raised = facts.Alert(id=id, unit=UNITS[0], kind="panic", raised_at=rfc3339(time.time()), via="wired")
            since = time.perf_counter()
            await unit.publish(f"hdu/v1/{UNITS[0]}/alert/{id}", msgspec.json.encode(raised), qos=1, retain=True)
            while id not in (found := await seen.get())[1]:
                pass
            took_ms.append((found[0] - since) * 1000)
            await asyncio.sleep(0.06)
    listener.cancel()
    measured = took_ms[WARM_UP:]
    p99 = percentile(measured, 0.99)
    with capsys.disabled():
        print(
            f"\npublish to /events, {ALERTS} alerts, ms: median {statistics.median(measured):.1f}, "
            f"p95 {percentile(measured, 0.95):.1f}, p99 {p99:.1f}, longest {max(measured):.1f}"
        )
    assert p99 < P99_MS
