"""/hub.json: the view as it is shown now. What is not known is null, never the last thing that was."""

from typing import Any, Literal

import msgspec

from firmware import facts
from hub.console.times import rfc3339
from hub.console.view import ANSWERED_SHOWN_S, AlertRow, BrokerState, UnitSeen, View

SILENT_S = 90.0  # three status intervals without a word: nobody knows whether the unit is on line

Verdict = Literal["fit", "not fit", "unknown"]


class UnitRow(msgspec.Struct, frozen=True):
    """One unit. The sections are those of its last status document (null: none yet), `status_at` is that document's
    time; `verdict` is whether it may take calls now: a unit that is not known to be on line has no verdict."""

    unit: str
    online: bool | None
    verdict: Verdict
    last_seen: str | None
    status_at: str | None = None
    version: str | None = None
    readiness: facts.Readiness | None = None
    panel: facts.Panel | None = None
    headset: facts.Headset | None = None
    call: facts.Call | None = None
    uplinks: tuple[facts.Uplink, ...] | None = None
    modem: facts.Modem | None = None
    power: facts.Power | None = None
    hub: facts.Hub | None = None
    update: facts.Update | None = None
    selftest: facts.SelfTest | None = None
    shift: facts.Shift | None = None
    acceptance: facts.Acceptance | None = None


class Broker(msgspec.Struct, frozen=True):
    """The console's own connection; while it is lost everything else is what was known at `since`."""

    state: BrokerState
    since: str


class Document(msgspec.Struct, frozen=True):
    """`at` is the console's clock: ages are counted from it, not from the reader's."""

    at: str
    broker: Broker
    units: list[UnitRow]
    alerts: list[AlertRow]
    ignored: dict[str, int]


def document(view: View, now_s: float) -> Document:
    """Units by name; open alerts first, the oldest first; then those answered of late, the newest first."""
    opened = sorted((row for row in view.alerts.values() if row.acknowledged_by is None), key=_raised)
    since = rfc3339(now_s - ANSWERED_SHOWN_S)
    answered = [row for row in view.alerts.values() if row.acknowledged_at is not None and row.acknowledged_at >= since]
    return Document(
        at=rfc3339(now_s),
        broker=Broker(view.broker, rfc3339(view.broker_since_s)),
        units=[unit_row(view.units[name], now_s) for name in sorted(view.units)],
        alerts=opened + sorted(answered, key=_answered, reverse=True),
        ignored=view.ignored,
    )


def unit_row(unit: UnitSeen, now_s: float) -> UnitRow:
    online = _online(unit, now_s)
    seen = None if unit.seen_s is None else rfc3339(unit.seen_s)
    if unit.status is None:
        return UnitRow(unit.unit, online, "unknown", seen)
    sections: dict[str, Any] = {name: getattr(unit.status, name) for name in UnitRow.__struct_fields__[5:]}
    verdict = _verdict(unit.status.readiness) if online else "unknown"
    return UnitRow(unit.unit, online, verdict, seen, unit.status.at, **sections)


def _online(unit: UnitSeen, now_s: float) -> bool | None:
    """The broker may have missed a death (its own): a unit long silent is not known to be on line."""
    silent = unit.seen_s is None or now_s - unit.seen_s > SILENT_S
    return None if unit.online and silent else unit.online


def _verdict(readiness: facts.Readiness) -> Verdict:
    if readiness.safe is None:
        return "unknown"
    return "fit" if readiness.safe else "not fit"


def _raised(row: AlertRow) -> tuple[str, str]:
    return row.raised_at, row.id


def _answered(row: AlertRow) -> tuple[str, str]:
    return row.acknowledged_at or "", row.id
