"""`make bench-call`: one long call over the whole bench while the uplinks fail at random.

`--no-faults --seconds 3600` is an hour in which nothing fails.

`python -m tests.bench.call [--seconds 300] [--every 10] [--seed N] [--no-faults]` starts a bench of its own inside
bench/machine/enter; `--url` and `--folder` name one that runs (`make run`, .run/PORT). Prints a table and writes
results/call.json: whether the call ever dropped, for each fault the audible gap at the dispatcher's ear and the packets
lost, every overrun and underrun as the unit counts it, and PESQ (ITU-T P.862.2) of what was heard against what the
agency said, where the package `pesq` is installed.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import conftest
from tests.bench.conftest import Client
from tests.bench.listening import FRAME_MS, PIECE, gap_ms, laid, levels

RESULTS = Path("results/call.json")
RATE_HZ = 16_000
FAULTS: tuple[dict[str, object], ...] = ({"cable": False}, {"blackhole": True}, {"loss": 0.3})
PIECES, LEAD_S = 4, 1.0
GAP_MS, NEAR_S = 40, 3.0  # two packets; the unit's word and the bench's question are each up to a second late
PESQ_SAMPLES = PIECES * PIECE * FRAME_MS * RATE_HZ // 1000
Fault = dict[str, Any]


@contextlib.contextmanager
def bench(options: argparse.Namespace) -> Iterator[Client]:
    """The bench that was named, or one of our own."""
    if options.url:
        client = Client(int(options.url.rsplit(":", 1)[1].strip("/")))
        client.root, client.folder = options.url.rstrip("/"), Path(options.folder)
        yield client
        return
    process, client, lifeline = conftest.start(f"c{os.getpid()}-")
    with process:
        try:
            conftest.ready(process)
            yield client
        finally:
            os.close(lifeline)
            process.wait(30)


@contextlib.contextmanager
def recording(sound_server: Path, device: str, target: Path) -> Iterator[None]:
    """Records a source of one of the bench's sound servers, as raw 16 kHz mono."""
    sound = {**os.environ, "PULSE_SERVER": f"unix:{sound_server / 'pulse.socket'}"}
    subprocess.run(["pactl", "set-source-mute", device, "0"], env=sound, check=True)
    words = ["parec", "--raw", f"--device={device}", "--format=s16le", "--channels=1", "--latency-msec=20"]
    with target.open("wb") as out, subprocess.Popen([*words, f"--rate={RATE_HZ}"], env=sound, stdout=out) as ear:
        try:
            yield
        finally:
            ear.terminate()


@contextlib.contextmanager
def listening(client: Client, spoken: Path, heard: Path) -> Iterator[None]:
    """Records what the agency's microphone takes, and a moment later what reaches the dispatcher's ear."""
    with recording(client.folder / "agency" / "desk" / "sound", "mic", spoken):
        time.sleep(LEAD_S)  # so that the first thing heard has been said
        with recording(client.folder / "unit" / "headset", "ear.monitor", heard):
            yield


def call(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/unit.json")["call"]
    return found


class Counters:
    """What the unit counts of lost sound, all through the call; `lines` are the changes as they were shown."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.lines: list[str] = []
        self.counted_s: list[float] = []
        self.unanswered = 0
        self.began = time.monotonic()

    def show(self, found: dict[str, Any]) -> None:
        if found["call"]["state"] != "active":
            self.say(f"the call is shown as {found['call']['state'] or 'unknown'}")
        names = {"overruns": found["call"]["overruns"], "underruns": found["call"]["underruns"]}
        names |= {"lost frames": found["call"]["lost_frames"], "capture overruns": found["headset"]["overruns"]}
        for name, count in names.items():
            if count is not None and count != self.now.get(name, 0):
                self.say(f"{name} {self.now.get(name, 0)} -> {count}")
                self.now[name] = count
                self.counted_s.append(time.monotonic() - self.began)

    def ask(self, client: Client) -> dict[str, Any] | None:
        """The unit's status; None, told and counted, where a starved bench does not answer: the call goes on."""
        try:
            found: dict[str, Any] = client.get("/unit.json")
        except OSError as error:
            self.unanswered += 1
            self.say(f"the bench did not answer: {error}")
            return None
        return found

    def say(self, words: str) -> None:
        self.lines.append(f"{time.monotonic() - self.began:8.1f} s  {words}")
        print(self.lines[-1], flush=True)


def run(
    client: Client, options: argparse.Namespace, source: random.Random, spoken: Path, heard: Path
) -> tuple[list[Fault], int, Counters]:
    """The call with its faults; each as it was, how often the unit was seen without the call, and what it counted."""
    client.heal()
    client.until("the extension is registered", lambda: call(client)["registered"])
    client.post("/twin/call", {"action": "ring"})
    client.until("the call rings", lambda: call(client)["state"] == "ringing")
    client.post("/unit/call", {"action": "answer"})
    client.until("the call is active", lambda: call(client)["state"] == "active")
    faults, counters = list[Fault](), Counters()
    with listening(client, spoken, heard):
        began = time.monotonic()
        drops = watch(client, began + (options.seconds if options.no_faults else options.quiet), counters)
        while (now := time.monotonic()) < began + options.seconds:
            faults.append(fault(client, source, now - began))
            drops += watch(client, now + options.every / 2, counters)
            faults[-1]["after"] = call(client)
            client.post(f"/twin/uplink/{faults[-1]['uplink']}", {"heal": True})
            drops += watch(client, now + options.every, counters)
    client.try_post("/unit/call", {"action": "hang-up"})
    return faults, drops, counters


def fault(client: Client, source: random.Random, at_s: float) -> Fault:
    """One uplink fails in one of three ways; another is always left."""
    uplink, kind = source.choice(("wired", "lte")), source.choice(FAULTS)
    before = call(client)
    client.post(f"/twin/uplink/{uplink}", kind)
    return {"at_s": round(at_s, 1), "uplink": uplink, "fault": kind, "before": before}


def watch(client: Client, until_s: float, counters: Counters) -> int:
    """How often, twice a second, the unit did not show the call active; what it counts is printed as it shows."""
    missed = 0
    while (left_s := until_s - time.monotonic()) > 0:
        if found := counters.ask(client):
            missed += found["call"]["state"] != "active"
            counters.show(found)
        time.sleep(min(0.5, left_s))
    return missed


def samples(file: Path) -> "array[int]":
    data = file.read_bytes()
    return array("h", data[: len(data) // 2 * 2])


def gaps(heard: "array[int]", spoken: "array[int]") -> list[int]:
    """The longest audible gap of each piece of what was heard, in ms."""
    say, hear = levels(spoken, RATE_HZ), levels(heard, RATE_HZ)
    return [
        gap_ms(say[at : at + PIECE], hear[number * PIECE : (number + 1) * PIECE])
        for number, at in enumerate(laid(say, hear))
    ]


def told(by_piece: Sequence[int], counted_s: Sequence[float]) -> dict[str, int]:
    """How many pieces had a gap of GAP_MS and more, and in how many of them nothing was counted, NEAR_S around."""
    piece_s = PIECE * FRAME_MS / 1000
    at_s = [LEAD_S + number * piece_s for number, gap in enumerate(by_piece) if gap >= GAP_MS]
    alone = [at for at in at_s if not any(at - NEAR_S < when < at + piece_s + NEAR_S for when in counted_s)]
    return {"at_least_ms": GAP_MS, "pieces": len(by_piece), "with_gap": len(at_s), "of_them_not_counted": len(alone)}


def judged(faults: Sequence[Fault], by_piece: Sequence[int], every_s: float) -> list[Fault]:
    """Each fault with the audible gap while it lasted and when it was healed, and the packets lost in it."""
    rows = []
    for each in faults:
        first, last = (int(at_s * 1000 / FRAME_MS / PIECE) for at_s in (each["at_s"], each["at_s"] + every_s))
        lost = each["after"]["lost_frames"], each["before"]["lost_frames"]
        rows.append(
            {
                **{key: each[key] for key in ("at_s", "uplink", "fault")},
                "audible_gap_ms": max(by_piece[first:last], default=0),
                "lost_frames": None if None in lost else lost[0] - lost[1],
                "underruns": each["after"]["underruns"],
                "mos": each["after"]["mos"],
            }
        )
    return rows


def pesq(heard: "array[int]", spoken: "array[int]") -> list[float] | str:
    """Wideband PESQ of each eight seconds; in words why not, where the package is not here."""
    try:
        import numpy  # type: ignore[import-not-found, unused-ignore]
        from pesq import pesq as score  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        return f"not measured: {error}; pip install pesq numpy (it compiles)"
    scores = []
    starts = laid(levels(spoken, RATE_HZ), levels(heard, RATE_HZ))[::PIECES]
    for number, start in enumerate(starts):
        at = start * RATE_HZ * FRAME_MS // 1000
        if at + PESQ_SAMPLES > len(spoken) or (number + 1) * PESQ_SAMPLES > len(heard):
            break
        reference = numpy.array(spoken[at : at + PESQ_SAMPLES], dtype=numpy.int16)
        degraded = numpy.array(heard[number * PESQ_SAMPLES : (number + 1) * PESQ_SAMPLES], dtype=numpy.int16)
        scores.append(round(float(score(RATE_HZ, reference, degraded, "wb")), 2))
    return scores


def report(options: argparse.Namespace) -> dict[str, Any]:
    said, heard = RESULTS.with_name("call-said.raw"), RESULTS.with_name("call-heard.raw")
    RESULTS.parent.mkdir(exist_ok=True)
    with bench(options) as client:
        faults, drops, counters = run(client, options, random.Random(options.seed), said, heard)
    by_piece = gaps(samples(heard), samples(said))
    rows = judged(faults, by_piece, options.every)
    scores = pesq(samples(heard), samples(said))
    found = [row["audible_gap_ms"] for row in rows]
    before = None if options.no_faults else int(options.quiet * 1000 / FRAME_MS / PIECE)
    return {
        "seconds": options.seconds,
        "seed": options.seed,
        "load_average": round(os.getloadavg()[0], 2),
        "faults": rows,
        "seen_without_call": drops,
        "counted": counters.now,
        "counted_when": counters.lines,
        "bench_did_not_answer": counters.unanswered,
        "gaps_heard": told(by_piece, counters.counted_s),
        "audible_gap_ms": {"max": max(found), "mean": round(sum(found) / len(found), 1)} if found else None,
        "audible_gap_ms_without_fault": max(by_piece[:before]),
        "pesq": scores,
        "pesq_mean": round(sum(scores) / len(scores), 2) if isinstance(scores, list) and scores else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.call", description="a call while the uplinks fail")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds from one fault to the next")
    parser.add_argument("--quiet", type=float, default=10.0, help="seconds before the first fault, to compare with")
    parser.add_argument("--no-faults", action="store_true", help="nothing fails")
    parser.add_argument("--seed", type=int, default=911)
    parser.add_argument("--url", default="", help="of a bench that runs, such as http://127.0.0.1:8911")
    parser.add_argument("--folder", default=".run/8911", help="of that bench")
    found = report(parser.parse_args())
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    for row in found["faults"]:
        what = f"{row['uplink']:6} {json.dumps(row['fault']):22}"
        print(
            f"{row['at_s']:7} s  {what} gap {row['audible_gap_ms']:4} ms  lost {row['lost_frames']}  MOS {row['mos']}"
        )
    for name in (
        "seen_without_call",
        "counted",
        "bench_did_not_answer",
        "gaps_heard",
        "audible_gap_ms",
        "audible_gap_ms_without_fault",
        "pesq_mean",
        "load_average",
    ):
        print(f"{name:30} {found[name]}")
    if isinstance(found["pesq"], str):
        print(found["pesq"])


if __name__ == "__main__":
    main()
