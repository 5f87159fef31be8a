"""What the console knows, as a pure fold over messages: `take(view, message, now_s, retained) -> view`.

Nothing here is kept but in memory: after a restart the broker's retained messages bring it back. An alert stays open
until a person answered it, whatever else is said or lost.
"""

from typing import Literal

import msgspec

from firmware.facts import Status
from hub.console.messages import AlertSaid, AnswerSaid, Message, OnlineSaid, Other, StatusSaid, raised_s
from hub.console.times import epoch_s, rfc3339

ALERTS_KEPT, OPEN_OF_ONE_UNIT, UNITS_KEPT = 5_000, 1_000, 5_000
ANSWERED_SHOWN_S = 12 * 3600.0

BrokerState = Literal["connected", "lost"]


class UnitSeen(msgspec.Struct, frozen=True):
    """One unit. `online` is the broker's word, `seen_s` when the unit itself last said something (None: unknown)."""

    unit: str
    online: bool | None = None
    status: Status | None = None
    seen_s: float | None = None


class AlertRow(msgspec.Struct, frozen=True):
    """One alert, a line of /hub.json. Only its answer is known where the alert itself came before this console ran:
    `kind` and `received_at` are then None."""

    id: str
    unit: str
    kind: str | None
    raised_at: str
    received_at: str | None
    via: str = ""
    attempt: int | None = None
    acknowledged_by: str | None = None
    acknowledged_at: str | None = None


class View(msgspec.Struct, frozen=True):
    """Everything; `ignored` counts refused messages by reason."""

    units: dict[str, UnitSeen] = {}
    alerts: dict[str, AlertRow] = {}
    ignored: dict[str, int] = {}
    broker: BrokerState = "lost"
    broker_since_s: float = 0.0


def take(view: View, message: Message, now_s: float, retained: bool = False) -> View:
    """The view after one message. `retained`: the broker kept it, so it says nothing of when the unit was last seen."""
    match message:
        case AlertSaid():
            view = _alert(view, message, now_s)
        case AnswerSaid():
            return _answer(view, message, now_s)
        case StatusSaid(status=None) | OnlineSaid(online=None):
            return _withdrawn(view, message)
        case Other(by_unit=False):
            return view
    return _seen(view, message, now_s, retained)


def refuse(view: View, reason: str) -> View:
    """One more message ignored for `reason`."""
    return msgspec.structs.replace(view, ignored={**view.ignored, reason: view.ignored.get(reason, 0) + 1})


def connected(view: View, now_s: float) -> View:
    return msgspec.structs.replace(view, broker="connected", broker_since_s=now_s)


def lost(view: View, now_s: float) -> View:
    """The broker is away: what it said of who is online is no longer known. Alerts stay."""
    units = {name: msgspec.structs.replace(unit, online=None) for name, unit in view.units.items()}
    return msgspec.structs.replace(view, units=units, broker="lost", broker_since_s=now_s)


def answered(view: View, id: str) -> AlertRow | None:
    """The row of an alert that a person has answered."""
    row = view.alerts.get(id)
    return row if row is not None and row.acknowledged_by is not None else None


def _alert(view: View, said: AlertSaid, now_s: float) -> View:
    before = view.alerts.get(said.id)
    if before is None and _open_of(view, said.unit) >= OPEN_OF_ONE_UNIT:
        return refuse(view, "too many open alerts of one unit")
    if before is not None and before.unit != said.unit:
        return refuse(view, "another unit's alert")
    first = AlertRow(said.id, said.unit, said.kind, _raised_at(said), rfc3339(now_s), said.via, said.attempt)
    return _with_alert(view, first if before is None else _again(before, first), now_s)


def _again(before: AlertRow, now: AlertRow) -> AlertRow:
    """The same alert once more: how and when it first came stays, how it comes now is new."""
    return msgspec.structs.replace(
        now,
        received_at=before.received_at or now.received_at,
        acknowledged_by=before.acknowledged_by,
        acknowledged_at=before.acknowledged_at,
    )


def _answer(view: View, said: AnswerSaid, now_s: float) -> View:
    """The first person who answered keeps the answer."""
    row = view.alerts.get(said.id)
    if row is None:
        row = AlertRow(said.id, said.unit, None, rfc3339(raised_s(said.id)), None)
    if row.unit != said.unit:
        return refuse(view, "another unit's alert")
    if row.acknowledged_by is not None:
        return view
    at = rfc3339(epoch_s(said.at) or now_s)
    return _with_alert(view, msgspec.structs.replace(row, acknowledged_by=said.by, acknowledged_at=at), now_s)


def _with_alert(view: View, row: AlertRow, now_s: float) -> View:
    alerts = {**view.alerts, row.id: row}
    if len(alerts) > ALERTS_KEPT:
        alerts = _without_old(alerts, now_s)
    return msgspec.structs.replace(view, alerts=alerts)


def _without_old(alerts: dict[str, AlertRow], now_s: float) -> dict[str, AlertRow]:
    """Only answered alerts are ever forgotten: those no longer shown, and the oldest tenth in any case."""
    since = rfc3339(now_s - ANSWERED_SHOWN_S)
    old = sorted((row.acknowledged_at, row.id) for row in alerts.values() if row.acknowledged_at is not None)
    gone = {id for number, (at, id) in enumerate(old) if at < since or number < ALERTS_KEPT // 10}
    return {id: row for id, row in alerts.items() if id not in gone}


def _open_of(view: View, unit: str) -> int:
    return sum(row.unit == unit and row.acknowledged_by is None for row in view.alerts.values())


def _raised_at(said: AlertSaid) -> str:
    """What the unit says, or what the id says where that is no time."""
    at_s = epoch_s(said.raised_at)
    return rfc3339(raised_s(said.id) if at_s is None else at_s)


def _withdrawn(view: View, message: Message) -> View:
    """A retained word was taken back; a unit with none left is no longer of this fleet."""
    unit = view.units.get(message.unit, UnitSeen(message.unit))
    if isinstance(message, StatusSaid):
        unit = msgspec.structs.replace(unit, status=None)
    else:
        unit = msgspec.structs.replace(unit, online=None)
    others = {name: each for name, each in view.units.items() if name != message.unit}
    empty = unit.status is None and unit.online is None
    return msgspec.structs.replace(view, units=others if empty else {**others, unit.unit: unit})


def _seen(view: View, message: Message, now_s: float, retained: bool) -> View:
    unit = view.units.get(message.unit)
    if unit is None and len(view.units) >= UNITS_KEPT:
        return refuse(view, "too many units")
    unit = _said(unit or UnitSeen(message.unit), message)
    unit = msgspec.structs.replace(unit, seen_s=_seen_s(unit, message, now_s, retained))
    return msgspec.structs.replace(view, units={**view.units, unit.unit: unit})


def _said(unit: UnitSeen, message: Message) -> UnitSeen:
    match message:
        case OnlineSaid(online=online):
            return msgspec.structs.replace(unit, online=online)
        case StatusSaid(status=status):
            return msgspec.structs.replace(unit, status=status)
    return unit


def _seen_s(unit: UnitSeen, message: Message, now_s: float, retained: bool) -> float | None:
    """A live word is a sign of life by our clock, a retained status one by the unit's; a last will is none."""
    if isinstance(message, OnlineSaid) and not message.online:
        return unit.seen_s
    if not retained:
        return now_s
    said = epoch_s(message.status.at) if isinstance(message, StatusSaid) and message.status else None
    return unit.seen_s if said is None else max(unit.seen_s or 0.0, min(said, now_s))
