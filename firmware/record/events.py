"""What of the services' facts is an event: a change of state, not the trembling of a measured number. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from firmware import facts, wire

KINDS: dict[str, type[msgspec.Struct]] = {
    "Panel": facts.Panel,
    "Headset": facts.Headset,
    "Calls": facts.Call,
    "Uplinks": facts.Uplinks,
    "Modem": facts.Modem,
    "Power": facts.Power,
    "Alerts": facts.Alerts,
    "HubLink": facts.Hub,
    "Readiness": facts.Readiness,
    "Updates": facts.Update,
    "Clock": facts.Clock,
    "RemoteHelp": facts.RemoteHelp,
    "Shift": facts.Shift,
    "Acceptance": facts.Acceptance,
}
SKIPPED = {"Status", "Recorder"}  # the one is all of the others again, the other is this
URGENT = {"Panel", "Power", "Calls", "alert", "delivered", "acknowledged"}  # on disk before anything else
UNITS = ("_ms", "_s", "_db", "_dbfs", "_dbm", "_v", "_a", "_ppm", "_us", "_dba", "_percent", "_minutes")
MEASURED = {"rtt", "loss", "mos", "r", "percent", "lost_frames", "minutes_left", "minutes_at_least", "minutes_at_most"}
MEASURED |= {"offset", "pending_alerts", "doubts"}


def measured(name: str) -> bool:
    """Whether a field is a number that trembles: by its unit, or by name."""
    return name in MEASURED or name.endswith(UNITS)


def states(fact: Any) -> Any:
    """A fact as JSON types without its measured numbers, at any depth."""
    if isinstance(fact, dict):
        return {name: states(value) for name, value in fact.items() if not measured(str(name))}
    if isinstance(fact, list | tuple):
        return [states(each) for each in fact]
    return fact


def merged(name: str, known: Any, values: Mapping[str, tuple[str, Any]]) -> Any:
    """The fact of the service `name` as JSON types after some properties changed; of a foreign one its members."""
    kind = KINDS.get(name)
    if kind is None:
        return {**(known or {}), **{member: value for member, (_, value) in values.items()}}
    return {
        **(known or {}),
        **{each: value for each, value in _decoded(kind, values).items() if each in _names(kind, values)},
    }


def _decoded(kind: type[msgspec.Struct], values: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(wire.fact(kind, values))
    return found


def _names(kind: type[msgspec.Struct], values: Mapping[str, tuple[str, Any]]) -> set[str]:
    return {field for field in kind.__struct_fields__ if wire.member(field) in values}


def event(before: Any, now: Any) -> dict[str, Any]:
    """What is to be recorded: the fields whose state changed, as they are now; empty where only numbers trembled."""
    old = before or {}
    return {name: value for name, value in now.items() if _state(old, name) != _state(now, name)}


def _state(fact: Any, name: str) -> Any:
    """One field's state; a field that is not there and a measured number are alike nothing."""
    return states({name: fact[name]}) if name in fact else {}
