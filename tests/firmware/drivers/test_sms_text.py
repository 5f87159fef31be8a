"""A message as every modem takes it: one, plain, and visibly cut where it was too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.sms_text import END, SEPTETS, number_fault, one_message, plain, septets


@given(st.text())
def test_any_text_becomes_one_plain_message(text: str) -> None:
    message = one_message(text)
    assert septets(message) <= SEPTETS
    assert all(0x20 <= ord(each) < 0x7F and each != "`" for each in message)


@given(st.text(alphabet="abcdefghij KLM.,:0123456789", max_size=SEPTETS))
def test_a_short_plain_text_stays_as_it_is(text: str) -> None:
    assert one_message(text) == text


@given(st.text(alphabet="abc{}~", min_size=SEPTETS + 1, max_size=400))
def test_a_long_text_is_cut_as_late_as_it_can_be_and_says_so(text: str) -> None:
    message = one_message(text)
    assert message.endswith(END) and text.startswith(message.removesuffix(END))
    assert septets(message) >= SEPTETS - 1


def test_what_cannot_be_typed_is_replaced() -> None:
    assert plain("Café Zoë\n12:30 → 北`\x1a\x1b") == "Cafe Zoe 12:30 ? ??  "


@pytest.mark.parametrize("number", ["+15550100", "+491701234567", "+123456789012345"])
def test_numbers_to_send_to(number: str) -> None:
    assert number_fault(number) == ""


@pytest.mark.parametrize(
    "number", ["", "911", "15550100", "+0123456", "+1555", "+1234567890123456", '+1555"0100', "+1555010\n"]
)
def test_what_is_no_number_is_named_with_what_to_do(number: str) -> None:
    assert "is not a number like +15551234567; correct it" in number_fault(number)
