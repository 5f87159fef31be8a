"""Which message of the hub is a person's answer to an alert."""

import msgspec
import pytest

from firmware.answers import answer_in
from firmware.facts import Acknowledgement

ID, AT = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "2026-11-22T10:00:00.123Z"


def test_an_answer_that_names_the_alert_and_a_person_is_one() -> None:
    good = Acknowledgement(id=ID, by="Kim", at=AT)
    assert answer_in(ID, msgspec.json.encode(good)) == good


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed|utf-8"),
        (msgspec.json.encode({"id": "OTHER", "by": "Kim", "at": AT}), "it names the alert 'OTHER'"),
        (msgspec.json.encode({"id": ID, "by": "  ", "at": AT}), "names nobody"),
        (msgspec.json.encode({"id": ID, "by": "Kim\n", "at": AT}), "names nobody"),
        (msgspec.json.encode({"id": ID, "by": "Kim", "at": AT + "\x00"}), "names nobody"),
    ],
)
def test_what_is_none_says_why(payload: bytes, why: str) -> None:
    found = answer_in(ID, payload)
    assert isinstance(found, str)
    assert any(each in found for each in why.split("|"))
