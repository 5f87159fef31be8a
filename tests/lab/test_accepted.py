"""A unit as it stands on a dispatcher's desk, on the image: provisioned, its hub behind WireGuard, a headset, a modem,
LTE by ModemManager, a battery. It says that it is safe, and passes its acceptance, step by step.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from firmware.acceptance.report import sound, verify
from hw.modem.mbim.radio import ICCID
from image.tools import Tools
from tests.lab.enrolled import soon
from tests.lab.guest import Guest, at_the_time
from tests.lab.hands import answered, finger
from tests.lab.rehearsal import HERE, MAINS, fact, put
from tests.lab.tunnelled import Hub, in_the_field

pytestmark = pytest.mark.timeout(5400)
PATIENCE_S, WALK_S = 120, 1800.0
ACCEPT = "setpriv --reuid=help --regid=help --clear-groups hdu selftest --acceptance --to -"
USED_MB = "awk '/MemTotal/ {all = $2} /MemAvailable/ {print int((all - $2) / 1024)}' /proc/meminfo"
Unit = tuple[Guest, Hub]
Hand = Callable[[Guest, Hub], None]


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    on_its_usb = ("headset", "mbim", "modem")
    with in_the_field(ready, tools, tmp_path_factory.mktemp("unit"), on_its_usb, has_lte=True) as (guest, hub):
        guest.board.command("modem", {"iccid": ICCID})
        guest.board.command("headset", {"speaking": True, "level_dbfs": -20})
        answered(guest, hub)
        yield guest, hub


def pressed(button: str) -> Hand:
    def press(guest: Guest, _: Hub) -> None:
        finger(guest, button, "press")
        guest.run("sleep 0.3")
        finger(guest, button, "release")

    return press


def ordered(twin: str, **body: object) -> Hand:
    return lambda guest, _: guest.board.command(twin, body)


def cable(plugged_in: bool) -> Hand:
    return lambda guest, _: guest.board.cable("wired", plugged_in)


def mains(on: bool) -> Hand:
    text = MAINS.replace("ONLINE=1", f"ONLINE={int(on)}")
    return lambda guest, _: put(guest, {f"{HERE}/power_supply/AC/uevent": text})


DONE: list[str] = []
HANDS: Mapping[str, Hand] = {
    "mute": pressed("mute"),
    "mute off": pressed("mute"),
    "assist": pressed("assist"),
    "panic": pressed("panic"),
    "panic answered": answered,
    "headset out": ordered("headset", plugged=False),
    "headset in": ordered("headset", plugged=True),
    "every cable out": cable(False),
    "every cable in": cable(True),
    "mains out": mains(False),
    "mains in": mains(True),
}


def test_it_says_that_it_is_safe(unit: Unit) -> None:
    guest, _ = unit
    soon(guest, "it is safe", lambda: fact(at_the_time(guest), "Readiness", "safe") is True, 300)
    soon(guest, "SAFE is green", lambda: fact(at_the_time(guest), "Readiness", "colour") == "green", 120)
    print(f"\n{guest.run(USED_MB)} MB used, provisioned and with all that is plugged in")


def ended(guest: Guest, hub: Hub) -> bool:
    """Whether the walk has; if not, what it asks for is done, once a step."""
    step = str(fact(at_the_time(guest), "Acceptance", "step"))
    if (hand := HANDS.get(step)) and step not in DONE:
        DONE.append(step)
        hand(guest, hub)
    return guest.run("cat /tmp/rc", may_fail=True).isdigit()


def test_its_acceptance_is_walked_and_passed(unit: Unit) -> None:
    guest, hub = unit
    begin = f'--technician "Sam Field" --panel PNL-00317 --patience {PATIENCE_S}'
    guest.run(f"({ACCEPT} {begin} > /tmp/report.json 2> /tmp/words; echo $? > /tmp/rc) &")
    soon(guest, "its end", lambda: ended(guest, hub), WALK_S)
    print(f"\n{guest.run('cat /tmp/words')}")
    report = verify(guest.run("cat /tmp/report.json").encode(), (hub.agency.folder / "ca.pem").read_bytes())
    assert {each.part: each.outcome for each in report.walked if each.outcome != "passed"} == {}
    assert {each.part: each.words for each in report.alone if each.outcome == "failed"} == {}
    assert (guest.run("cat /tmp/rc"), sound(report)) == ("0", "accepted")
