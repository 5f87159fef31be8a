"""When a battery is to be replaced: from what its tests found over the months. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

from firmware.facts import Fact
from firmware.supply.run_out import steepness

SHORTEST_DAYS = 60  # over less, the spread of single tests is greater than what a battery loses
SOON_DAYS = 30  # that long before the day a technician is to know
MOST_TESTS = 60
NEW_PERCENT = 15.0  # a capacity that rises by this much is another battery
LATEST_DAYS = 3_650


class Tested(Fact, frozen=True):
    """What one test found: the day (RFC 3339) and the capacity against that of a new battery."""

    __test__ = False  # no test of ours, whatever its name

    at: str
    percent: float


def added(tests: Sequence[Tested], new: Tested) -> tuple[Tested, ...]:
    """The tests of the battery that was tested last."""
    if tests and new.percent > tests[-1].percent + NEW_PERCENT:
        return (new,)
    return (*tests, new)[-MOST_TESTS:]


def replace_by(tests: Sequence[Tested], floor_percent: float) -> date | None:
    """The day on which the line through all tests (least squares) reaches `floor_percent`.

    A battery that is already below is due on the day that was found, and one that was still above is never due before
    its last test, wherever the line went. None: one test, too short a time, or no fall.
    """
    if not tests:
        return None
    days = [date.fromisoformat(each.at[:10]) for each in tests]
    if tests[-1].percent < floor_percent:
        return days[-1]
    if (days[-1] - days[0]).days < SHORTEST_DAYS:
        return None
    points = [(float((day - days[0]).days), each.percent) for day, each in zip(days, tests, strict=True)]
    fall = -steepness(points)
    if fall <= 0:
        return None
    middle_day, middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    at_day = middle_day + (middle - floor_percent) / fall
    return days[0] + timedelta(days=int(max(at_day, points[-1][0]))) if at_day < LATEST_DAYS else None


def due(by: date | None, tested: bool, today: date) -> bool | None:
    """Whether it is time to replace it; None where it was never tested."""
    if not tested:
        return None
    return by is not None and today >= by - timedelta(days=SOON_DAYS)
