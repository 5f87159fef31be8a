"""When a battery is to be replaced: a line through its tests, and no word where there is none."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware.supply.age import LATEST_DAYS, MOST_TESTS, NEW_PERCENT, Tested, added, due, replace_by


def history(*found: tuple[str, float]) -> tuple[Tested, ...]:
    return tuple(Tested(at=f"{day}T10:00:00.000Z", percent=percent) for day, percent in found)


@pytest.mark.parametrize(
    ("found", "by"),
    [
        (history(), None),
        (history(("2026-01-01", 95)), None),
        (history(("2026-01-01", 95), ("2026-03-01", 85)), None),  # 59 days
        (history(("2026-01-01", 95), ("2026-03-02", 89)), date(2026, 9, 8)),  # 60 days: a tenth of a point a day
        (history(("2026-01-01", 90), ("2026-07-01", 90)), None),
        (history(("2026-01-01", 90), ("2026-07-01", 91)), None),
        (history(("2026-01-01", 72), ("2026-01-08", 69.9)), date(2026, 1, 8)),
        (history(("2026-01-01", 70)), None),
        (history(("2026-01-01", 100), ("2026-01-31", 97), ("2026-03-02", 94)), date(2026, 10, 28)),
        (history(("2026-01-01", 99), ("2027-01-01", 98)), None),  # in a quarter of a century
    ],
)
def test_replaced_by(found: tuple[Tested, ...], by: date | None) -> None:
    assert replace_by(found, 70.0) == by


def test_no_day_so_far_away_that_nobody_believes_it() -> None:
    """30 points left: a fall of 0.3 in 100 days takes 10,000 days, one of 1.5 takes 2,000."""
    slow, steady = (history(("2026-01-01", 100 + fall), ("2026-04-11", 100)) for fall in (0.3, 1.5))
    assert replace_by(slow, 70.0) is None and LATEST_DAYS == 3_650
    assert replace_by(steady, 70.0) == date(2031, 10, 2)
    bound = history(("2026-01-01", 100), ("2026-03-06", 99))  # a point in 64 days, so that the sum is exact
    assert replace_by(bound, 42.96875) is None and replace_by(bound, 43.0) == date(2035, 12, 28)


@pytest.mark.parametrize(
    ("by", "tested", "today", "expected"),
    [
        (None, False, date(2026, 1, 1), None),
        (date(2026, 3, 1), False, date(2026, 1, 1), None),
        (None, True, date(2026, 1, 1), False),
        (date(2026, 3, 1), True, date(2026, 1, 29), False),
        (date(2026, 3, 1), True, date(2026, 1, 30), True),
        (date(2026, 3, 1), True, date(2027, 1, 30), True),
    ],
)
def test_due(by: date | None, tested: bool, today: date, expected: bool | None) -> None:
    assert due(by, tested, today) is expected


def test_another_battery_begins_anew() -> None:
    old = history(("2026-01-01", 80), ("2026-02-01", 78))
    (same,) = history(("2026-03-01", 78 + NEW_PERCENT))
    (new,) = history(("2026-03-01", 78.1 + NEW_PERCENT))
    assert added(old, same) == (*old, same) and added(old, new) == (new,) and added((), new) == (new,)
    many = old
    for _ in range(100):
        many = added(many, same)
    assert len(many) == MOST_TESTS == 60 and many[-1] == same and NEW_PERCENT == 15.0


# A line that hardly falls, far below its last test: where it crosses 78 there were no calendars.
NEVER_THERE = [(0, 78.01), (1_000, 0.0), (2_000, 78.0)]


@example(NEVER_THERE, 78.0)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 120)), min_size=1, max_size=20), st.floats(10, 95))
def test_whatever_was_found_a_worn_battery_has_a_day_and_no_day_is_before_the_last_test(
    found: list[tuple[int, float]], floor: float
) -> None:
    first = date(2026, 1, 1).toordinal()
    given_ = history(*((str(date.fromordinal(first + day)), percent) for day, percent in sorted(found)))
    by = replace_by(given_, floor)
    if given_[-1].percent < floor:
        assert by == date.fromisoformat(given_[-1].at[:10])
    assert by is None or 0 <= (by - date.fromisoformat(given_[-1].at[:10])).days < LATEST_DAYS
