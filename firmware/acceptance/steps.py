"""What the technician is asked to do, and what must then be measured. Pure: facts in, words out."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from firmware.acceptance.order import Seen
from firmware.checks import remote_help
from firmware.config import UnitFile
from firmware.facts import Uplink


class Step(Struct, frozen=True):
    """`done` compares what was measured at the beginning of the step with now; `found` says it in words.

    A step with `may_hold` asks for nothing where it is so already.
    """

    key: str
    ask: str
    done: Callable[[Seen, Seen], bool]
    found: Callable[[Seen], str]
    may_hold: bool = False


def steps(unit: UnitFile) -> Iterator[Step]:
    """The walk for a unit with these parts, in order. It ends as it began: everything plugged in, microphone live."""
    yield from MUTE
    yield from ALERTS
    yield from HEADSET
    wired = [uplink.name for uplink in unit.uplinks if uplink.kind == "ethernet"]
    if len(wired) > 1:
        yield from _one_cable(wired[0])
    if wired and len(wired) < len(unit.uplinks):
        yield from _all_cables(wired)
    yield from MAINS
    yield SAFE


def _live(seen: Seen) -> bool:
    status = seen.status
    return status.headset.mute_state == "live" and status.panel.lamps.mute == "off"


def _muted(seen: Seen) -> bool:
    status = seen.status
    return status.headset.mute_proven is True and status.panel.lamps.mute == "on"


def _level(seen: Seen) -> str:
    level = seen.status.headset.level_dbfs
    return "level not known" if level is None else f"{level:.0f} dBFS"


def _raised(before: Seen, now: Seen) -> bool:
    """One more alert is open, and the hub has them all."""
    if before.open_alerts is None or now.open_alerts is None:
        return False
    return now.open_alerts > before.open_alerts and now.status.hub.pending_alerts == 0


MUTE = (
    Step(
        "microphone live",
        "Press MUTE once, so that its lamp goes dark.",
        lambda _, now: _live(now),
        lambda now: f"the microphone is live ({_level(now)}), the lamp is dark",
        may_hold=True,
    ),
    Step(
        "mute",
        "Press MUTE once.",
        lambda _, now: _muted(now),
        lambda _: "silence was measured, the lamp is lit",
    ),
    Step(
        "mute off",
        "Press MUTE again.",
        lambda _, now: _live(now),
        lambda now: f"the microphone is live again ({_level(now)}), the lamp is dark",
    ),
)
ALERTS = (
    Step(
        "assist",
        "Tell the supervisor that this is a test. Then press ASSIST briefly.",
        _raised,
        lambda _: "the centre has the call for assistance",
    ),
    Step(
        "panic",
        "Tell the supervisor that this is a test. Then press PANIC once.",
        lambda before, now: _raised(before, now) and now.status.panel.panic in ("delivered", "acknowledged"),
        lambda now: f"the centre has the panic, the lamp shows {now.status.panel.lamps.panic}",
    ),
    Step(
        "panic answered",
        "Ask the supervisor to answer the panic.",
        lambda _, now: now.status.panel.panic == "acknowledged",
        lambda _: "a person answered, the lamp says so",
    ),
)
HEADSET = (
    Step(
        "headset out",
        "Unplug the headset.",
        lambda _, now: now.status.headset.present is False,
        lambda now: (
            "seen to be gone; the unit says that it is not ready"
            if now.status.readiness.safe is False
            else "seen to be gone"
        ),
    ),
    Step(
        "headset in",
        "Plug the headset in again.",
        lambda _, now: now.status.headset.present is True and _live(now),
        lambda now: f"{now.status.headset.name or 'the headset'} is back, the microphone is live",
    ),
)
MAINS = (
    Step(
        "mains out",
        "Unplug the power supply.",
        lambda _, now: now.status.power.source == "battery",
        lambda now: f"on battery, {_percent(now)}",
    ),
    Step(
        "mains in",
        "Plug the power supply in again.",
        lambda _, now: now.status.power.source == "mains",
        lambda now: f"on mains again, {_percent(now)}",
    ),
)


def _is_safe(seen: Seen) -> bool:
    """Whoever helps from afar, to see this walk, makes the lamp amber; nothing else may."""
    ready, lamp = seen.status.readiness, seen.status.panel.lamps.safe
    return ready.safe is True and (lamp == "green" or (lamp == "amber" and _only_helped(seen)))


def _only_helped(seen: Seen) -> bool:
    helped = remote_help.check(seen.status)
    return helped is not None and seen.status.readiness.reasons == (helped.words,)


SAFE = Step(
    "safe",
    "Do nothing: the unit makes sure of itself.",
    lambda _, now: _is_safe(now),
    lambda now: f"the lamp is {now.status.panel.lamps.safe}{', for remote help alone' if _only_helped(now) else ''}",
    may_hold=True,
)


def _percent(seen: Seen) -> str:
    percent = seen.status.power.percent
    return "charge not known" if percent is None else f"{percent:.0f} %"


def _of(seen: Seen, name: str) -> Uplink | None:
    return next((uplink for uplink in seen.status.uplinks if uplink.name == name), None)


def _down(seen: Seen, name: str) -> bool:
    uplink = _of(seen, name)
    return uplink is not None and uplink.state == "down" and not uplink.active


def _up(seen: Seen, name: str) -> bool:
    uplink = _of(seen, name)
    return uplink is not None and uplink.state == "up"


def _carried(seen: Seen) -> str:
    """Who carries the unit now; empty for nobody."""
    active = [uplink.name for uplink in seen.status.uplinks if uplink.active and uplink.state == "up"]
    return active[0] if active and seen.status.hub.connected else ""


def _moved(seen: Seen) -> str:
    outage = seen.status.outage_ms
    gap = "" if outage is None else f", out of reach for at most {outage:.0f} ms"
    return f"{_carried(seen)} carries the unit{gap}"


def _one_cable(name: str) -> tuple[Step, Step]:
    return (
        Step(
            f"{name} out",
            f"Unplug the network cable of {name}.",
            lambda _, now: _down(now, name) and bool(_carried(now)),
            _moved,
        ),
        Step(f"{name} in", f"Plug the cable of {name} in again.", lambda _, now: _up(now, name), lambda _: "it is up"),
    )


def _all_cables(names: list[str]) -> tuple[Step, Step]:
    return (
        Step(
            "every cable out",
            f"Unplug every network cable ({', '.join(names)}).",
            lambda _, now: all(_down(now, name) for name in names) and bool(_carried(now)),
            _moved,
        ),
        Step(
            "every cable in",
            "Plug every network cable in again.",
            lambda _, now: all(_up(now, name) for name in names) and bool(_carried(now)),
            lambda _: "they are up",
        ),
    )
