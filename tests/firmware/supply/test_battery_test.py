"""The battery test: when it may, when it must end, and that a real loss of mains ends it at once."""

import pytest
from msgspec.structs import replace

from firmware.config import PowerHardware, PowerPolicy
from firmware.facts import PowerReading
from firmware.supply.battery import rated
from firmware.supply.battery_test import Day, Recording, Test, decide, record

RATING, POLICY = rated(PowerHardware()), PowerPolicy()
CHARGED = PowerReading(source="x", mains=True, percent=100.0, voltage_v=8.3, current_a=0.0, testing=False)
GOOD_DAY = Day(hour_utc=POLICY.test_hour_utc, days_since=None, quiet_s=7_200.0, call=False, on_shift=False)
RUNNING = Test(running_since=0.0)
UNDER_TEST = replace(CHARGED, testing=True, percent=60.0, voltage_v=7.6)


def test_a_due_test_begins_on_a_good_day() -> None:
    assert decide(Test(), CHARGED, True, GOOD_DAY, RATING, POLICY, 0.0) == (RUNNING, "start")


@pytest.mark.parametrize(
    "day",
    [
        replace(GOOD_DAY, hour_utc=3),
        replace(GOOD_DAY, days_since=29.0),
        replace(GOOD_DAY, quiet_s=60.0),
        replace(GOOD_DAY, call=True),
        replace(GOOD_DAY, call=None),
        replace(GOOD_DAY, on_shift=True),
        replace(GOOD_DAY, on_shift=None),
    ],
)
def test_no_test_on_another_day(day: Day) -> None:
    assert decide(Test(), CHARGED, True, day, RATING, POLICY, 0.0) == (Test(), None)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (replace(CHARGED, mains=False), True),
        (CHARGED, False),
        (CHARGED, None),
        (replace(CHARGED, percent=80.0), True),
        (replace(CHARGED, testing=None), True),
    ],
)
def test_an_asked_test_that_may_not_begin_says_why(said: PowerReading, told: bool | None) -> None:
    test, order = decide(Test(asked=True), said, told, GOOD_DAY, RATING, POLICY, 0.0)
    assert order is None and test.ended.startswith("not begun: ") and not test.asked


@pytest.mark.parametrize(
    ("said", "told", "day", "why"),
    [
        (replace(UNDER_TEST, mains=False), True, GOOD_DAY, "mains is not there"),
        (UNDER_TEST, False, GOOD_DAY, "mains is not there"),
        (UNDER_TEST, True, replace(GOOD_DAY, call=True), "a call is up, or nobody knows"),
        (UNDER_TEST, True, replace(GOOD_DAY, on_shift=True), "a shift is on"),
        (UNDER_TEST, True, replace(GOOD_DAY, on_shift=None), "nobody knows whether a shift is on"),
        (replace(UNDER_TEST, percent=10.0), True, GOOD_DAY, "done"),
        (replace(UNDER_TEST, voltage_v=6.1), True, GOOD_DAY, "done"),
        (replace(UNDER_TEST, percent=None), True, GOOD_DAY, "done"),
        (replace(UNDER_TEST, testing=False), True, GOOD_DAY, "the hardware does not discharge"),
    ],
)
def test_it_ends(said: PowerReading, told: bool | None, day: Day, why: str) -> None:
    assert decide(RUNNING, said, told, day, RATING, POLICY, 30.0) == (Test(ended=why), "stop")


ON_THE_DOT = replace(GOOD_DAY, days_since=POLICY.test_every_days, quiet_s=60 * POLICY.test_quiet_minutes)


@pytest.mark.parametrize(
    ("day", "said", "begins"),
    [
        (ON_THE_DOT, replace(CHARGED, percent=95.0), True),
        (ON_THE_DOT, replace(CHARGED, percent=94.9), False),
        (replace(ON_THE_DOT, quiet_s=ON_THE_DOT.quiet_s - 0.1), CHARGED, False),
        (replace(ON_THE_DOT, days_since=POLICY.test_every_days - 0.01), CHARGED, False),
    ],
)
def test_it_begins_at_its_very_bound(day: Day, said: PowerReading, begins: bool) -> None:
    assert decide(Test(), said, True, day, RATING, POLICY, 0.0)[1] == ("start" if begins else None)


def test_a_policy_of_no_days_never_tests_by_itself() -> None:
    never, daily = replace(POLICY, test_every_days=0.0), replace(POLICY, test_every_days=1.0)
    assert decide(Test(), CHARGED, True, GOOD_DAY, RATING, never, 0.0)[1] is None
    assert decide(Test(asked=True), CHARGED, True, GOOD_DAY, RATING, never, 0.0)[1] == "start"
    assert decide(Test(), CHARGED, True, GOOD_DAY, RATING, daily, 0.0)[1] == "start"


def test_hardware_has_ten_seconds_to_begin() -> None:
    idle = replace(UNDER_TEST, testing=False)
    assert decide(RUNNING, idle, True, GOOD_DAY, RATING, POLICY, 9.9) == (RUNNING, None)
    assert decide(RUNNING, idle, True, GOOD_DAY, RATING, POLICY, 10.0)[1] == "stop"


@pytest.mark.parametrize(("current_a", "used_wh"), [(None, 9.0), (0.0, 9.0), (-1.0, 9.0), (0.5, 4.0), (2.0, 16.0)])
def test_the_load_stands_in_where_no_current_flows_out(current_a: float | None, used_wh: float) -> None:
    said = PowerReading(source="x", percent=80.0, voltage_v=8.0, current_a=current_a)
    recording = record(record(Recording(), said, 9.0, 0.0), said, 9.0, 3_600.0)
    assert recording.used_wh == pytest.approx(used_wh)


def test_a_reading_without_percent_or_without_voltage_is_left_out() -> None:
    for half in (PowerReading(source="x", percent=80.0), PowerReading(source="x", voltage_v=8.0)):
        assert record(Recording(), half, 9.0, 0.0) == Recording()


def test_a_recording_is_bounded() -> None:
    recording = Recording()
    for number in range(500):
        said = PowerReading(source="x", percent=1_000.0 - number, voltage_v=8.0, current_a=1.0)
        recording = record(recording, said, 9.0, float(number))
    assert len(recording.samples) == 400


def test_it_goes_on_at_another_hour() -> None:
    later = replace(GOOD_DAY, hour_utc=12, days_since=0.0)
    assert decide(RUNNING, UNDER_TEST, True, later, RATING, POLICY, 7_200.0) == (RUNNING, None)


def test_a_recording_counts_energy_and_keeps_one_sample_a_point() -> None:
    recording = Recording()
    for second in range(0, 3_601, 10):
        said = PowerReading(source="x", percent=100.0 - second // 360, voltage_v=8.0, current_a=1.25)
        recording = record(recording, said, 9.0, float(second))
    assert recording.used_wh == pytest.approx(10.0) and len(recording.samples) == 11
    assert record(recording, PowerReading(source="x"), 9.0, 4e3) == recording
