"""The voice plane with the kernel's WireGuard and NetworkManager's mirror, through every fault of an uplink.

`python -m tests.lab.kernel_voice` runs inside `tests.lab.this_machine`; each figure is a line `voice: {json}`.
The uplinks service is the real one, told of a call by a neighbour on the bus; so it is the service that has the copies
switched on and off. `leaked` are packets to an inner address that left by an uplink, outside every tunnel.
"""

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from firmware import bus, facts
from firmware.failover.tunnels import ALL, CARRIED, LTE, PREFIX, VOICE
from hw.cables import namespace
from hw.cables.faults import Fault
from hw.cables.nft import Nft
from hw.cables.topology import CablesError
from hw.cables.voice_stream import VoiceStream
from tests.bench.failover_contestants import idle_neighbours
from tests.lab.kernel_lab import KernelLab

PORT = 16_384
BEFORE_S, DURING_S, AFTER_S, BOUND_S = 1.0, 4.0, 3.0, 240.0
INNER = ", ".join(f"{network}/{PREFIX}" for network in (*(each.network for each in ALL), CARRIED))
COUNTERS = f"""table ip seen {{
  counter leaked {{ }}
  counter copies {{ }}
  chain out {{
    type filter hook postrouting priority 400;
    oifname {{ "wan0", "wan1", "lte0" }} ip daddr {{ {INNER} }} counter name leaked
    oifname "lte0" udp dport {LTE.port} meta length > 250 counter name copies
  }}
}}
"""
Act = Callable[[KernelLab], Awaitable[None]]


async def hold(lab: KernelLab, fault: Fault) -> None:
    await lab.set("wired", fault)
    await asyncio.sleep(DURING_S)
    await lab.set("wired", Fault())


async def flapping(lab: KernelLab) -> None:
    for cable in (False, True) * 4:
        await lab.set("wired", Fault(cable=cable))
        await asyncio.sleep(1.0)


async def killed(lab: KernelLab) -> None:
    """The supervisor starts it again, as systemd does."""
    lab.processes["NetworkManager"].signal(signal.SIGKILL)
    await asyncio.sleep(3 * DURING_S)


FAULTS: dict[str, Act] = {
    "none": lambda _: asyncio.sleep(DURING_S),
    "cable out": lambda lab: hold(lab, Fault(cable=False)),
    "blackhole": lambda lab: hold(lab, Fault(blackhole="both")),
    "blackhole up": lambda lab: hold(lab, Fault(blackhole="up")),
    "blackhole down": lambda lab: hold(lab, Fault(blackhole="down")),
    "loss 30 %": lambda lab: hold(lab, Fault(loss=0.3)),
    "flapping": flapping,
    "NetworkManager kill -9": killed,
}


def say(**known: object) -> None:
    print(f"voice: {json.dumps(known)}", flush=True)


def stream(lab: KernelLab) -> VoiceStream:
    unit, hub = (VOICE.unit(1), PORT), (VOICE.hub(), PORT)
    sockets = namespace.udp_socket(lab.names.unit, unit), namespace.udp_socket(lab.names.hub, hub)
    return VoiceStream(*sockets, hub, unit)


async def until(what: str, true: Callable[[], Awaitable[object]]) -> None:
    ends = time.monotonic() + BOUND_S
    while not await true():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {BOUND_S:g} s: {what}")
        await asyncio.sleep(0.2)


async def mirrored(lab: KernelLab) -> bool:
    """Whether the kernel copies what leaves by wg-a, by tc(8)'s word; it says `*` where the target is gone."""
    try:
        shown = await lab.in_unit("tc", "filter", "show", "dev", "wg-a")
    except CablesError:  # wg-a is being made anew
        return False
    return f"Mirror to device {LTE.interface}" in shown


async def copying(lab: KernelLab) -> bool:
    """Whether the copies have a way to go."""
    return f"table {LTE.mark} " in await lab.in_unit("ip", "route", "show", "table", "all", "default")


async def flows(lab: KernelLab) -> bool:
    """Both ways, and both ends copy."""
    voice = stream(lab)
    await voice.run(1.0)
    voice.close()
    copying = await lab.in_hub("nft", "list", "set", "ip", "voice", "copying")
    return min(voice.up.received, voice.down.received) > 40 and "10.81." in copying


def counted(seen: Nft, name: str) -> int:
    words = seen.run(f"list counter ip seen {name}").split()
    return int(words[words.index("packets") + 1])


async def one(lab: KernelLab, seen: Nft, fault: str) -> None:
    voice, leaked, copies = stream(lab), counted(seen, "leaked"), counted(seen, "copies")
    running = asyncio.create_task(voice.run())
    await asyncio.sleep(BEFORE_S)
    await FAULTS[fault](lab)
    await asyncio.sleep(AFTER_S)
    running.cancel()
    await voice.settle()
    voice.close()
    now = time.time()
    ways = {name: tally.summary(tally.last_arrival or now) for name, tally in (("up", voice.up), ("down", voice.down))}
    more = {"leaked": counted(seen, "leaked") - leaked, "copies": counted(seen, "copies") - copies}
    say(fault=fault, mirrored=await mirrored(lab), **more, **ways)


async def idle_again(lab: KernelLab, seen: Nft, call: bus.Export[facts.Call]) -> None:
    """The call is over: what is spoken now stays off LTE."""
    call.set(facts.Call(state="idle"))

    async def shut() -> bool:
        return not await copying(lab)

    await until("the copies off", shut)
    copies, voice = counted(seen, "copies"), stream(lab)
    await voice.run(2.0)
    await voice.settle()
    voice.close()
    say(fault="call over", copies=counted(seen, "copies") - copies, lost=voice.up.lost + voice.down.lost)


async def target_anew(lab: KernelLab) -> None:
    """wg-b goes and comes: the mirror has lost it, and the service finds that out and mends it."""
    await lab.in_unit("nmcli", "connection", "down", LTE.interface)
    await lab.in_unit("nmcli", "connection", "up", LTE.interface)
    lost = not await mirrored(lab)
    await until("the mirror mended", lambda: mirrored(lab))
    say(fault="target anew", lost=lost, mirrored=True)


async def tunnel_away(lab: KernelLab, seen: Nft) -> None:
    """The voice tunnel's profile is taken down: nothing may leave another way."""
    await lab.in_unit("nmcli", "connection", "down", VOICE.interface)
    leaked, refused = counted(seen, "leaked"), 0
    with namespace.udp_socket(lab.names.unit) as out:
        for _ in range(20):
            try:
                out.sendto(b"clear", (VOICE.hub(), PORT))
            except OSError:
                refused += 1
    say(fault="tunnel away", leaked=counted(seen, "leaked") - leaked, refused=refused)


async def main(runs: int, faults: list[str]) -> None:
    async with AsyncExitStack() as stack:
        lab = KernelLab(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "unit")
        await lab.start(stack)
        seen = Nft(lab.names.unit)
        stack.callback(seen.close)
        seen.run(COUNTERS)
        call = await idle_neighbours(lab)
        say(
            manager=(await lab.in_unit("nmcli", "--version")).split()[-1],
            kernel=Path("/proc/version").read_text().split()[2],
        )
        try:
            await told_of_a_call(lab, call)
            for fault in faults * runs:
                await one(lab, seen, fault)
            await idle_again(lab, seen, call)
            await target_anew(lab)
            await tunnel_away(lab, seen)
        except BaseException:
            show_logs(lab)
            raise
    say(fault="end")


async def told_of_a_call(lab: KernelLab, call: bus.Export[facts.Call]) -> None:
    await lab.processes.start(lab.unit_program("uplinks"), bound_s=BOUND_S)
    call.set(facts.Call(state="active"))
    await until("the mirror", lambda: mirrored(lab))
    await until("the copies on", lambda: copying(lab))
    await until("voice both ways", lambda: flows(lab))


def show_logs(lab: KernelLab) -> None:
    """The last words of everything, for whoever looks into a failure."""
    for file in sorted((lab.folder / "log").glob("*.log")):
        print(f"--- {file.name}", *file.read_text(errors="replace").splitlines()[-40:], sep="\n", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS))
    given = parser.parse_args()
    asyncio.run(main(given.runs, given.faults))
