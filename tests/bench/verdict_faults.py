"""The faults of which the verdict must tell, one at a time: how each is made on the bench, and how it is healed."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firmware import kept
from firmware.checks import sim
from firmware.config import HeadsetPolicy, PowerHardware
from firmware.facts import RemoteHelp
from firmware.panelbus import HELP
from firmware.release import memory
from firmware.supply.battery import rated
from hw.power.factory import accept
from hw.power.pack import Pack
from tests.bench.conftest import Client

Do = Callable[[Client], object]


@dataclass(frozen=True)
class Fault:
    """One fault: how it is made and healed, and words by which the reason is known (none: the lamp is red).

    `before` makes it possible; it is a fault only when it has lasted `lasts_s`.
    """

    check: str
    name: str
    words: str
    make: Do
    heal: Do
    before: Do = lambda _: None
    after: Do = lambda _: None
    lasts_s: float = 0.0


def post(path: str, **body: object) -> Do:
    return lambda bench: bench.post(path, body)


def every(*steps: Do) -> Do:
    return lambda bench: [step(bench) for step in steps]


def uplinks(*names: str, **body: object) -> Do:
    return every(*(post(f"/twin/uplink/{name}", **body) for name in names))


def in_call(bench: Client) -> None:
    """A call that is answered, with its first quality figures."""
    bench.post("/twin/call", {"action": "ring"})
    bench.until("it rings", lambda: bench.get("/unit.json")["call"]["state"] == "ringing")
    bench.post("/unit/call", {"action": "answer"})
    bench.until("its quality is known", lambda: bench.get("/unit.json")["call"]["r_factor"] is not None)


def full(bench: Client) -> None:
    """Not a byte is left on the unit's disk."""
    ballast = bench.folder / "unit" / "data" / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:  # it ends when the disk is full
        while out.write(b"\0" * 65_536):
            pass


def roomy(bench: Client) -> None:
    (bench.folder / "unit" / "data" / "ballast").unlink(missing_ok=True)


def killed(service: str) -> Do:
    return post("/twin/process", service=service, signal="KILL")


def worn(bench: Client) -> None:
    """The unit starts with a battery that its last test found to hold half of what it held when new."""
    accept(bench.folder / "unit" / "data", Pack(capacity_wh=19.0), rated(PowerHardware()), AT)
    killed("power")(bench)


def young(bench: Client) -> None:
    accept(bench.folder / "unit" / "data", Pack(), rated(PowerHardware()), AT)
    killed("power")(bench)


def taken_back(bench: Client) -> None:
    """The updates service starts and finds in its memory that the newest release was tried here and taken back."""
    memory.keep(updates(bench), memory.failed(memory.Memory(), "bundle", "9.9.9", "it did not start"))
    killed("updates")(bench)


def forgotten(bench: Client) -> None:
    updates(bench).unlink()
    killed("updates")(bench)


def updates(bench: Client) -> Path:
    return bench.folder / "unit" / "data" / "updates" / "memory.json"


def hang(service: str, words: str) -> Fault:
    """The service is stopped in the middle of its life, as by a deadlock, and nothing ends it."""
    check = {"hublink": "hub", "uplinks": "uplink", "panelbus": "panel", "alerts": "disk", "calls": "call"}
    stop, go = (post("/twin/process", service=service, signal=signal) for signal in ("STOP", "CONT"))
    return Fault(check.get(service, service), f"{service} hangs", words, stop, go)


def by_itself(bench: Client) -> None:
    """The supervisor starts it again."""


def settings(bench: Client) -> Path:
    return bench.folder / "unit" / "config" / "site.toml"


def misspelt(bench: Client) -> None:
    """A setting that nobody knows, and the service that tells of it started anew: files are read at the start."""
    with settings(bench).open("a") as out:
        out.write("\n[misspelt]\nvalue = 1\n")
    killed("status")(bench)


def spelt(bench: Client) -> None:
    settings(bench).write_text(settings(bench).read_text().partition("\n[misspelt]")[0])
    killed("status")(bench)


def door(bench: Client) -> Path:
    """What the door of remote help says of itself, as the unit's own would: on the bench there is no sshd behind it."""
    return bench.folder / "unit" / "run" / HELP


def opened(bench: Client) -> None:
    kept.replace(door(bench), kept.seal(RemoteHelp(state="open", until="2026-11-22T10:30:00Z")))


def shut(bench: Client) -> None:
    door(bench).unlink()


MODEM_POLL_S = 2.0  # bench/config/unit.toml
AT = "2026-11-01T10:00:00.000Z"
WIRED, EVERY = ("wired", "wired2"), ("wired", "wired2", "lte")
FAULTS = (
    Fault(
        "voice",
        "a third of the packets lost in a call",
        "voice quality",
        uplinks(*EVERY, loss=0.33),
        uplinks(*EVERY, heal=True),
        before=in_call,
        after=post("/unit/call", action="hang-up"),
    ),
    Fault(
        "panel",
        "PANIC's wire cut",
        "panel has a fault",
        post("/twin/panel", line="panic", fault="cut"),
        post("/twin/panel", line="panic", fault="none"),
    ),
    Fault("hub", "the hub link killed", "centre", killed("hublink"), by_itself),
    Fault("hub", "the broker killed", "does not hear this unit", killed("broker"), by_itself),
    Fault("uplink", "every cable pulled", "etwork line", uplinks(*EVERY, cable=False), uplinks(*EVERY, heal=True)),
    Fault(
        "second_uplink",
        "LTE's cable pulled",
        "second network line",
        uplinks("lte", cable=False),
        uplinks("lte", heal=True),
    ),
    Fault(
        "second_uplink",
        "both wired lines swallow everything",
        "second network line",
        uplinks(*WIRED, blackhole=True),
        uplinks(*WIRED, heal=True),
    ),
    Fault(
        "headset",
        "the headset unplugged",
        "not plugged in",
        post("/twin/headset", plugged=False),
        post("/twin/headset", plugged=True),
    ),
    Fault(
        "microphone",
        "a capture switch that does not switch, on MUTE",
        "MUTE cannot be proven",
        lambda bench: bench.tap("mute"),
        every(post("/twin/headset", heal=True), lambda bench: bench.tap("mute")),
        before=post("/twin/headset", stuck_switch=True, speaking=True),
    ),
    Fault(
        "headset",
        "a capsule that has died: nothing but digital silence",
        "Nothing is heard",
        post("/twin/headset", room=False, speaking=False),
        post("/twin/headset", room=True),
        lasts_s=HeadsetPolicy().dead_microphone_s,
    ),
    Fault("power", "mains lost", "no mains power", post("/twin/power", mains=False), post("/twin/power", mains=True)),
    Fault("battery_age", "a unit starts with a worn battery", "battery is to be replaced", worn, young),
    Fault(
        "sim",
        "another SIM than the unit's own",
        "SIM is another one",
        post("/twin/modem", iccid="8944500102198304834"),
        post("/twin/modem", heal=True),
        lasts_s=sim.SETTLE_S + MODEM_POLL_S,
    ),
    Fault("update", "a release that was taken back", "9.9.9 did not work", taken_back, forgotten),
    Fault("call", "the calls service killed", "calls can come in", killed("calls"), by_itself),
    Fault("clock", "the uplinks service killed: nobody has the time", "clock is right", killed("uplinks"), by_itself),
    Fault("configuration", "a setting misspelt, read at the next start", "settings of this unit", misspelt, spelt),
    Fault("remote_help", "the door of remote help opens", "Remote help may come", opened, shut),
    Fault(
        "disk",
        "a press while the disk is full to the last byte",
        "storage of this unit is full",
        lambda bench: bench.tap("assist"),
        roomy,
        before=full,
    ),
    hang("panelbus", "whether the buttons work"),
    hang("hublink", "whether the centre hears"),
    hang("uplinks", "network lines have not been measured"),
    hang("headset", "whether the headset is there"),
    hang("power", "whether there is mains"),
    hang("calls", "whether calls can come in"),
    hang("alerts", "keep and send a PANIC"),
    hang("status", ""),
    hang("readiness", ""),
)
