"""What units and console say over MQTT, read: a topic and a payload in, one message out, or Refused with the reason.

The console reads with some tolerance: a field or a kind of alert it does not know must not cost a panic. Who may write
to which topic is the broker's business; here the content must agree with its topic.
"""

import re
from typing import Literal

import msgspec
from ulid import ULID

from firmware.facts import Status
from hub.console.times import LAST_S

ROOT = "hdu/v1/"
FILTER = ROOT + "#"
MESSAGE_BYTES = 65_536
UNIT = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
ALERT_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")  # a ULID in Crockford's base 32
KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")
NAME_LENGTH, WORDS_LENGTH = 80, 300

Reason = Literal["foreign topic", "too long", "not valid JSON of its kind", "does not agree with its topic"]


class Refused(Exception):
    """A message that is not ours or not whole: counted under `reason`, told in the log, otherwise without effect."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(f"{reason}: {what}")
        self.reason: Reason = reason


class Message(msgspec.Struct, frozen=True):
    """Base of what can be read from one MQTT message; `unit` is the branch it came on."""

    unit: str


class OnlineSaid(Message, frozen=True):
    """The unit connected (True), or the broker says it is gone (False); None: the retained word was withdrawn."""

    online: bool | None


class StatusSaid(Message, frozen=True):
    """The status document; None: withdrawn."""

    status: Status | None


class AlertSaid(Message, frozen=True):
    """An alert, for the first time or again."""

    id: str
    kind: str
    raised_at: str = ""
    attempt: int = 0
    via: str = ""


class AlertCleared(Message, frozen=True):
    """The unit took its alert back from the broker: it knows of an answer."""

    id: str


class AnswerSaid(Message, frozen=True):
    """A person's acknowledgement, ours or another console's."""

    id: str
    by: str
    at: str


class ResultSaid(Message, frozen=True):
    """What came of the order `id` (empty: of one that the unit could not read)."""

    id: str
    done: bool
    words: str = ""


class Other(Message, frozen=True):
    """Events and withdrawn results (a sign of life), commands and withdrawn answers (not even that)."""

    by_unit: bool


def read(topic: str, payload: bytes) -> Message:
    """One MQTT message as what it means; Refused for anything that is not whole, ours and in its place."""
    if not topic.startswith(ROOT):
        raise Refused("foreign topic", topic[:80])
    unit, _, rest = topic.removeprefix(ROOT).partition("/")
    branch, _, leaf = rest.partition("/")
    if not UNIT.fullmatch(unit):
        raise Refused("foreign topic", topic[:80])
    if len(payload) > MESSAGE_BYTES:
        raise Refused("too long", f"{topic[:80]}: {len(payload)} bytes, at most {MESSAGE_BYTES}")
    try:
        return _read(unit, branch, leaf, payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not valid JSON of its kind", f"{topic[:80]}: {error}") from error


def _read(unit: str, branch: str, leaf: str, payload: bytes) -> Message:
    match branch, leaf:
        case "online", "":
            return OnlineSaid(unit, msgspec.json.decode(payload, type=bool) if payload else None)
        case "status", "":
            return _status(unit, payload)
        case "alert", id if ALERT_ID.fullmatch(id):
            return _alert(unit, id, payload) if payload else AlertCleared(unit, id)
        case "ack", id if ALERT_ID.fullmatch(id):
            return _answer(unit, id, payload) if payload else Other(unit, by_unit=False)
        case "result", _ if payload:
            result = msgspec.json.decode(payload, type=_Result)
            return ResultSaid(unit, result.id[:NAME_LENGTH], result.done, result.words[:WORDS_LENGTH])
        case ("event", "") | ("result", _):
            return Other(unit, by_unit=True)
        case "command", _:
            return Other(unit, by_unit=False)
    raise Refused("foreign topic", f"{ROOT}{unit}/{branch}/{leaf}"[:80])


def _status(unit: str, payload: bytes) -> StatusSaid:
    status = msgspec.json.decode(payload, type=Status) if payload else None
    if status is not None and status.unit != unit:
        raise Refused("does not agree with its topic", f"status of {status.unit[:40]} in the branch of {unit}")
    return StatusSaid(unit, status)


def _alert(unit: str, id: str, payload: bytes) -> AlertSaid:
    alert = msgspec.json.decode(payload, type=AlertSaid)
    if alert.unit != unit or alert.id != id or not KIND.fullmatch(alert.kind):
        raise Refused("does not agree with its topic", f"alert {alert.id[:40]} of {alert.unit[:40]} at {unit}/{id}")
    return alert


class _Answer(msgspec.Struct):
    id: str
    by: str
    at: str


class _Result(msgspec.Struct):
    id: str
    done: bool
    words: str = ""


def _answer(unit: str, id: str, payload: bytes) -> AnswerSaid:
    answer = msgspec.json.decode(payload, type=_Answer)
    if answer.id != id or not answer.by.strip():
        raise Refused("does not agree with its topic", f"answer to {answer.id[:40]} at {unit}/{id}")
    return AnswerSaid(unit, id, answer.by[:NAME_LENGTH], answer.at)


def raised_s(alert_id: str) -> float:
    """When an alert was raised, as its ULID says (seconds since the epoch, to the millisecond; at most LAST_S)."""
    return min(ULID.from_str(alert_id).timestamp, LAST_S)
