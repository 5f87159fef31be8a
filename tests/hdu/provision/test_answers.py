"""What a scanner, a file and a person answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdu.provision import form
from hdu.provision.answers import FIELDS, AnswersRefused, checked, collect, fault, luhn
from hdu.provision.identity import Provisioned
from hdu.provision.label import code
from tests.hdu.provision.conftest import LABELS

GOOD = {
    "unit": "hdu-0042",
    "panel": "PNL-00317",
    "sim": "8944500102198304826",
    "number": "+15550001234",
    "headset": "046d:0a8f:A1B2",
}


def test_labels_in_any_order_are_told_apart() -> None:
    for lines in (LABELS.splitlines(), LABELS.splitlines()[::-1]):
        assert collect(lines) == (GOOD, [])


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("unit", "HDU 42", "such as hdu-0042"),
        ("unit", "broker", "part of the hub"),
        ("unit", "", "nothing was given"),
        ("panel", "x", "printed on its back"),
        ("sim", "8944500102198304827", "check digit"),
        ("sim", "123", "ICCID"),
        ("number", "5550001234", "such as \\+1555"),
        ("headset", "046d", "vendor:product"),
    ],
)
def test_each_field_is_checked(field: str, value: str, why: str) -> None:
    with pytest.raises(AnswersRefused, match=why):
        checked({**GOOD, field: value}, has_lte=True)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(AnswersRefused) as refused:
        checked({}, has_lte=True)
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == list(FIELDS)


def test_units_without_lte_have_no_sim() -> None:
    assert checked({**GOOD, "sim": "", "number": ""}, has_lte=False).sim == ""
    with pytest.raises(AnswersRefused, match="have no SIM"):
        checked(GOOD, has_lte=False)


def test_two_labels_that_differ_are_a_fault_and_the_same_twice_is_not() -> None:
    assert collect(["unit=hdu-1", "unit=hdu-1"]) == ({"unit": "hdu-1"}, [])
    found, faults = collect(["unit=hdu-1", "unit=hdu-2"])
    assert found == {"unit": "hdu-1"} and "line 2: unit is 'hdu-2', but was 'hdu-1'" in faults[0]


@given(st.from_regex(r"89[0-9]{17}", fullmatch=True), st.integers(0, 18), st.integers(1, 9))
def test_any_one_wrong_digit_is_seen(digits: str, place: int, off: int) -> None:
    good = next(digits[:-1] + last for last in "0123456789" if luhn(digits[:-1] + last))
    wrong = good[:place] + str((int(good[place]) + off) % 10) + good[place + 1 :]
    assert luhn(good) and not luhn(wrong)


@given(st.lists(st.text(max_size=40), max_size=8))
def test_anything_scanned_is_an_answer_or_a_fault_in_one_line(lines: list[str]) -> None:
    found, faults = collect(lines)
    assert set(found) <= set(FIELDS)
    assert all(each.startswith("line ") and each.isprintable() for each in faults)


def test_a_label_of_ours_answers_everything() -> None:
    told = Provisioned("Riverside", "+1 555", 1, "2026-11-22T21:00:00+00:00", checked(GOOD, True))
    assert collect([code(told)]) == (GOOD, [])


def test_the_form_asks_again_until_it_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    said = iter(["HDU", "hdu-0042", "PNL-00317", "8944500102198304826", "+15550001234", "046d:0a8f:A1B2"])
    assert form.form({}, True, lambda _: next(said)) == GOOD
    assert "such as hdu-0042" in capsys.readouterr().err


def test_the_form_takes_what_is_known_and_what_is_scanned() -> None:
    said = iter([f"hdu:{';'.join(f'{field}={value}' for field, value in GOOD.items())}", "", "", "", ""])
    assert form.form({"unit": "hdu-0007"}, True, lambda _: next(said)) == GOOD


def test_the_scanner_goes_on_until_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    said = iter(["nonsense", "89000", *LABELS.splitlines()])
    assert form.scanned(True, lambda _: next(said)) == GOOD
    assert "no label of ours" in capsys.readouterr().err


def test_a_wrong_answer_never_counts_as_known() -> None:
    assert all(fault(field, "\x00", True) for field in FIELDS)
