"""Reading MQTT: what is ours and whole is understood, anything else is refused with its reason and never fatal."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware import facts
from hub.console.messages import (
    MESSAGE_BYTES,
    AlertCleared,
    AlertSaid,
    AnswerSaid,
    Message,
    OnlineSaid,
    Other,
    Refused,
    ResultSaid,
    StatusSaid,
    raised_s,
    read,
)

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
STATUS = facts.Status(unit="hdu-0001", version="0.1.0", slot="A", at="2026-11-22T10:00:00.123Z")
ALERT = facts.Alert(id=ID, unit="hdu-0001", kind="panic", raised_at="2026-11-22T10:00:00.123Z", attempt=2, via="lte")
ANSWER = facts.Acknowledgement(id=ID, by="Ana", at="2026-11-22T10:00:05.000Z")


@pytest.mark.parametrize(
    "leaf, payload, message",
    [
        ("online", b"true", OnlineSaid("hdu-0001", True)),
        ("online", b"false", OnlineSaid("hdu-0001", False)),
        ("online", b"", OnlineSaid("hdu-0001", None)),
        ("status", msgspec.json.encode(STATUS), StatusSaid("hdu-0001", STATUS)),
        ("status", b"", StatusSaid("hdu-0001", None)),
        (
            f"alert/{ID}",
            msgspec.json.encode(ALERT),
            AlertSaid("hdu-0001", ID, "panic", "2026-11-22T10:00:00.123Z", 2, "lte"),
        ),
        (f"alert/{ID}", b"", AlertCleared("hdu-0001", ID)),
        (f"ack/{ID}", msgspec.json.encode(ANSWER), AnswerSaid("hdu-0001", ID, "Ana", "2026-11-22T10:00:05.000Z")),
        (f"ack/{ID}", b"", Other("hdu-0001", by_unit=False)),
        ("event", b"\xff anything", Other("hdu-0001", by_unit=True)),
        ("result/reboot", b"", Other("hdu-0001", by_unit=True)),
        ("result/shift", b'{"id":"1","done":true,"words":"x"}', ResultSaid("hdu-0001", "1", True, "x")),
        ("command/reboot", b"", Other("hdu-0001", by_unit=False)),
    ],
)
def test_what_is_ours_is_understood(leaf: str, payload: bytes, message: Message) -> None:
    assert read(f"hdu/v1/hdu-0001/{leaf}", payload) == message


def test_a_newer_units_alert_is_still_an_alert() -> None:
    """A field or kind this console does not know must not cost an alert."""
    payload = b'{"id":"%s","unit":"hdu-0001","kind":"fire","where":{"floor":2}}' % ID.encode()
    assert read(f"hdu/v1/hdu-0001/alert/{ID}", payload) == AlertSaid("hdu-0001", ID, "fire")


@pytest.mark.parametrize(
    "topic, payload, reason",
    [
        ("", b"", "foreign topic"),
        ("hdu/v2/hdu-0001/online", b"true", "foreign topic"),
        ("hdu/v1/hdu-0001", b"true", "foreign topic"),
        ("hdu/v1/hdu-0001/online/more", b"true", "foreign topic"),
        ("hdu/v1/HDU 1/online", b"true", "foreign topic"),
        ("hdu/v1/hdu-0001/alert/1", msgspec.json.encode(ALERT), "foreign topic"),
        (f"hdu/v1/hdu-0001/alert/{ID.lower()}", msgspec.json.encode(ALERT), "foreign topic"),
        (f"hdu/v1/hdu-0001/alert/{ID}/more", msgspec.json.encode(ALERT), "foreign topic"),
        ("hdu/v1/hdu-0001/status", b" " * (MESSAGE_BYTES + 1), "too long"),
        ("hdu/v1/hdu-0001/online", b"yes", "not valid JSON of its kind"),
        ("hdu/v1/hdu-0001/online", b"1", "not valid JSON of its kind"),
        ("hdu/v1/hdu-0001/status", b'{"unit":', "not valid JSON of its kind"),
        ("hdu/v1/hdu-0001/status", b"[" * 60_000, "not valid JSON of its kind"),
        (f"hdu/v1/hdu-0001/alert/{ID}", b"\xff\xfe", "not valid JSON of its kind"),
        (f"hdu/v1/hdu-0001/alert/{ID}", b"{}", "not valid JSON of its kind"),
        (f"hdu/v1/hdu-0002/alert/{ID}", msgspec.json.encode(ALERT), "does not agree with its topic"),
        (f"hdu/v1/hdu-0001/alert/{ID[:-1]}W", msgspec.json.encode(ALERT), "does not agree with its topic"),
        ("hdu/v1/hdu-0002/status", msgspec.json.encode(STATUS), "does not agree with its topic"),
        (f"hdu/v1/hdu-0001/ack/{ID[:-1]}W", msgspec.json.encode(ANSWER), "does not agree with its topic"),
        (f"hdu/v1/hdu-0001/ack/{ID}", b'{"id":"%s","by":" ","at":""}' % ID.encode(), "does not agree with its topic"),
    ],
)
def test_what_is_not_is_refused_with_the_reason(topic: str, payload: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read(topic, payload)
    assert refused.value.reason == reason
    assert "\n" not in str(refused.value)


LEAVES = some.sampled_from(["online", "status", f"alert/{ID}", f"ack/{ID}", "event", "nothing", "alert/", ""])
WHOLE = some.sampled_from([b"true", *map(msgspec.json.encode, (STATUS, ALERT, ANSWER))])


@given(some.one_of(some.text(), LEAVES.map("hdu/v1/hdu-0001/{}".format)), some.one_of(some.binary(), WHOLE))
def test_no_message_is_fatal(topic: str, payload: bytes) -> None:
    try:
        assert isinstance(read(topic, payload), Message)
    except Refused as refused:
        assert refused.reason


@given(WHOLE, LEAVES, some.integers(min_value=0), some.integers(0, 7))
def test_a_flipped_bit_is_refused_or_read_as_what_it_says(whole: bytes, leaf: str, at: int, bit: int) -> None:
    """Never as another unit's, nor as another alert."""
    flipped = bytearray(whole)
    flipped[at % len(whole)] ^= 1 << bit
    try:
        said = read(f"hdu/v1/hdu-0001/{leaf}", bytes(flipped))
    except Refused:
        return
    assert said.unit == "hdu-0001"
    assert getattr(said, "id", ID) == ID


def test_a_ulid_says_when() -> None:
    assert raised_s(ID) == pytest.approx(1469922850.259, abs=0.001)
