"""When a step of the walk is done, and when it is not: facts as the unit tells them."""

from typing import Any

import pytest

from firmware.acceptance.order import Seen
from firmware.acceptance.steps import steps
from firmware.config import UnitFile, UplinkHardware
from firmware.facts import Headset, Hub, Lamps, Panel, Power, Readiness, RemoteHelp, Status, Uplink

WIRED = UplinkHardware(name="wired", kind="ethernet", interface="eth0")
WIRED2 = UplinkHardware(name="wired2", kind="ethernet", interface="eth1")
LTE = UplinkHardware(name="lte", kind="lte", interface="wwan0")
UNIT = UnitFile(uplinks=(WIRED, WIRED2, LTE))
STEPS = {step.key: step for step in steps(UNIT)}


def seen(open_alerts: int | None = 0, connected: bool | None = True, pending: int = 0, **sections: Any) -> Seen:
    hub = Hub(connected=connected, pending_alerts=pending)
    return Seen(Status(unit="u", version="1", slot=None, at="", hub=hub, **sections), open_alerts)


def lines(**states: str) -> tuple[Uplink, ...]:
    """`wired="down", lte="active"`"""
    return tuple(
        Uplink(
            name=name,
            kind="lte" if name == "lte" else "ethernet",
            state="down" if state == "down" else "up",
            active=state == "active",
        )
        for name, state in states.items()
    )


LIVE: dict[str, Any] = {"headset": Headset(present=True, mute_state="live"), "panel": Panel(lamps=Lamps(mute="off"))}
MUTED: dict[str, Any] = {
    "headset": Headset(present=True, mute_proven=True, mute_state="muted"),
    "panel": Panel(lamps=Lamps(mute="on")),
}


def done(key: str, now: Seen, before: Seen | None = None) -> bool:
    return STEPS[key].done(before or seen(), now)


def test_the_walk_ends_as_it_began() -> None:
    keys = list(STEPS)
    assert keys[0] == "microphone live" and keys[-1] == "safe"
    for out, back in (("headset out", "headset in"), ("wired out", "wired in"), ("mains out", "mains in")):
        assert keys.index(back) == keys.index(out) + 1


@pytest.mark.parametrize(
    ("uplinks", "cables"),
    [
        ((WIRED,), set()),
        ((WIRED, LTE), {"every cable out", "every cable in"}),
        ((WIRED, WIRED2), {"wired out", "wired in"}),
        ((LTE,), set()),
    ],
)
def test_only_cables_that_can_be_missed_are_pulled(uplinks: tuple[UplinkHardware, ...], cables: set[str]) -> None:
    keys = {step.key for step in steps(UnitFile(uplinks=uplinks))}
    assert {key for key in keys if "cable" in key or "wired" in key} == cables


def test_mute_counts_only_when_silence_is_proven_and_the_lamp_is_lit() -> None:
    assert done("mute", seen(**MUTED))
    assert not done("mute", seen(**{**MUTED, "headset": Headset(mute_proven=None, muted=True)}))
    assert not done("mute", seen(**{**MUTED, "panel": Panel(lamps=Lamps(mute="double"))}))
    assert done("mute off", seen(**LIVE)) and not done("mute off", seen(**MUTED))


def test_a_panic_counts_only_when_a_new_one_is_at_the_hub() -> None:
    panel: dict[str, Any] = {"panel": Panel(panic="delivered", lamps=Lamps(panic="slow"))}
    assert done("panic", seen(3, **panel), seen(2))
    assert not done("panic", seen(2, **panel), seen(2))
    assert not done("panic", seen(3, pending=1, **panel), seen(2))
    assert not done("panic", seen(3, panel=Panel(panic="raised")), seen(2))
    assert not done("panic", seen(None, **panel), seen(2))
    assert not done("panic answered", seen(3, **panel))
    assert done("panic answered", seen(panel=Panel(panic="acknowledged")))


def test_a_pulled_cable_counts_only_when_another_line_carries_the_unit_to_the_hub() -> None:
    assert done("wired out", seen(uplinks=lines(wired="down", wired2="active", lte="up")))
    assert not done("wired out", seen(uplinks=lines(wired="down", wired2="up", lte="up")))
    assert not done("wired out", seen(connected=False, uplinks=lines(wired="down", wired2="active", lte="up")))
    assert not done("wired out", seen(uplinks=lines(wired="active", wired2="up", lte="up")))
    assert not done("every cable out", seen(uplinks=lines(wired="down", wired2="active", lte="up")))
    assert done("every cable out", seen(uplinks=lines(wired="down", wired2="down", lte="active")))
    assert done("every cable in", seen(uplinks=lines(wired="active", wired2="up", lte="up")))
    assert not done("every cable in", seen(uplinks=lines(wired="active", wired2="down", lte="up")))


def test_nothing_unknown_counts() -> None:
    for key in STEPS:
        assert not done(key, seen(None, None)), key


def test_mains_headset_and_the_green_lamp() -> None:
    assert done("mains out", seen(power=Power(source="battery"))) and done(
        "mains in", seen(power=Power(source="mains"))
    )
    assert done("headset out", seen(headset=Headset(present=False))) and done("headset in", seen(**LIVE))
    safe: dict[str, Any] = {"readiness": Readiness(safe=True), "panel": Panel(lamps=Lamps(safe="green"))}
    amber = Panel(lamps=Lamps(safe="amber"))
    assert done("safe", seen(**safe)) and not done("safe", seen(**{**safe, "panel": amber}))
    helped = {**safe, "panel": amber, "remote_help": RemoteHelp(state="open", who=("alice",))}
    why = "Somebody is in this unit from afar: alice."
    assert done("safe", seen(**{**helped, "readiness": Readiness(safe=True, reasons=(why,))}))
    assert not done("safe", seen(**{**helped, "readiness": Readiness(safe=True, reasons=(why, "And more."))}))
    assert not done("safe", seen(**{**helped, "readiness": Readiness(safe=False, reasons=(why,))}))
