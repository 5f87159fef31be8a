"""`make bench-fleet`: 10,000 units against a static server, and 2,000 units in a roll-out that fails on 5 %.

Measured: the bytes of one look (requests and answers with their headers, on a loopback socket) and how many requests a
second a plain static server (aiohttp, one process) answers here. On paper: the rest, from those and the poll interval.
results/fleet.json.
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path

from aiohttp import web

from firmware.config import UpdatePolicy
from firmware.release.policy import poll_delay_s
from tests.bench.roll_out_simulation import simulate
from tests.hub.updates.conftest import BUNDLE, Agency
from tests.hub.updates.mutations import ROLL_OUT

UNITS, POLL_S, DAY_S = 10_000, UpdatePolicy().poll_s, 86_400.0
BUNDLE_MB, EDGES, EDGE_TTL_S = 350, 50, 60
RESULTS = Path("results/fleet.json")


def request(path: str, port: int) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: identity\r\n\r\n".encode()


async def ask(port: int, paths: list[str], until_s: float) -> tuple[int, int]:
    """Asks for `paths` in turn on one connection, at least once each: requests done, bytes both ways."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = size = 0
    while done < len(paths) or time.monotonic() < until_s:
        words = request(paths[done % len(paths)], port)
        writer.write(words)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await _body(reader, head.lower())
        done, size = done + 1, size + len(words) + len(head) + len(body)
    writer.close()
    return done, size


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """The answer's body: by its length, or the empty chunked one that this server gives with a 404."""
    if b"content-length:" not in head:
        return await reader.readuntil(b"0\r\n\r\n")
    return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))


async def measure(public: Path, seconds: float, clients: int) -> tuple[float, dict[str, int]]:
    """Requests a second at full load, and bytes of a look when nothing is new and when a release is."""
    app = web.Application()
    app.router.add_static("/", public)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port: int = runner.addresses[0][1]
    quiet = ["/metadata/2.root.json", "/metadata/timestamp.json"]
    fresh = [*quiet, "/metadata/2.snapshot.json", "/metadata/2.targets.json", "/metadata/2.halts.json"]
    fresh += [f"/{each.relative_to(public)}" for each in (public / "targets/rollouts").iterdir()]
    sizes = {name: (await ask(port, paths, 0))[1] for name, paths in {"quiet": quiet, "fresh": fresh}.items()}
    began = time.monotonic()
    found = await asyncio.gather(*(ask(port, quiet, began + seconds) for _ in range(clients)))
    took = time.monotonic() - began
    await runner.cleanup()
    return sum(done for done, _ in found) / took, sizes


def seen_after_s(units: int, chance: random.Random) -> list[float]:
    """How long each unit takes to see a release that appears while all poll, sorted: the rest of its present wait."""
    found = []
    for _ in range(units):
        at = -2 * DAY_S / 24 + POLL_S * chance.random()
        while at < 0:
            at += poll_delay_s(POLL_S, chance.random())
        found.append(at)
    return sorted(found)


def busiest_second(units: int, chance: random.Random) -> int:
    """Looks in the busiest second of the hour after all units booted at once."""
    counts: dict[int, int] = {}
    for _ in range(units):
        at = POLL_S * chance.random()
        while at < 3_600:
            counts[int(at)] = counts.get(int(at), 0) + 1
            at += poll_delay_s(POLL_S, chance.random())
    return max(counts.values())


def on_paper(sizes: dict[str, int], seed: int) -> dict[str, float]:
    chance = random.Random(seed)
    seen = seen_after_s(UNITS, chance)
    looks_s = UNITS / POLL_S
    return {
        "units": UNITS,
        "poll_s": POLL_S,
        "requests_s": 2 * looks_s,
        "requests_s_busiest": 2.0 * busiest_second(UNITS, chance),
        "bytes_per_look": sizes["quiet"],
        "metadata_gb_day": looks_s * DAY_S * sizes["quiet"] / 1e9,
        "megabytes_day_per_unit": DAY_S / POLL_S * sizes["quiet"] / 1e6,
        "seen_99_percent_s": seen[int(0.99 * UNITS)],
        "seen_last_s": seen[-1],
        "release_metadata_mb": UNITS * sizes["fresh"] / 1e6,
        "release_bundles_tb": UNITS * BUNDLE_MB / 1e6,
        "release_hours_at_1_gbit_s": UNITS * BUNDLE_MB * 8 / 1e3 / 3_600,
        "cdn_origin_requests_s": 2 * EDGES / EDGE_TTL_S,
        "cdn_origin_bundle_gb": EDGES * BUNDLE_MB / 1e3,
        "cdn_seen_99_percent_s": seen[int(0.99 * UNITS)] + EDGE_TTL_S,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--roll-outs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        agency = Agency(Path(folder))
        agency.ceremony()
        agency.release({BUNDLE: b"one"})
        agency.release({BUNDLE: b"two", "rollouts/hdu-1.0": ROLL_OUT})
        rate, sizes = asyncio.run(measure(agency.public, given.seconds, clients=16))
    paper = on_paper(sizes, given.seed)
    print(f"measured: {rate:.0f} requests/s from one process (load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores)")
    for name, value in paper.items():
        print(f"{name:<28}{value:>14,.2f}")
    print(f"room: {rate / paper['requests_s_busiest']:.1f} times the busiest second")
    outcomes = [simulate(2_000, 0.05, given.seed + number) for number in range(given.roll_outs)]
    for each in outcomes:
        print(f"stopped after {each.stopped_after_h:.1f} h: {each.stopped}; tried {each.tried}, failed {each.failed}")
    report = {"load_1m": os.getloadavg()[0], "measured_requests_s": rate, **paper}
    RESULTS.parent.mkdir(exist_ok=True)
    ends = [{"stopped": each.stopped, "failed": each.failed, "tried": each.tried} for each in outcomes]
    RESULTS.write_text(json.dumps({**report, "roll_outs": ends}, indent=1) + "\n")


if __name__ == "__main__":
    main()
