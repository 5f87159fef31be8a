"""When the battery is tested, and what is written down of a discharge. Pure.

A test runs the unit from its battery although mains is there: only off shift, with a charged battery and no call for a
while. It ends at the floor, at a call, at a shift, and at once when mains fails for real.

What says that a shift is on: the dispatcher's sign-on (`firmware.shift`), and without one every call: whoever took a
call within `test_quiet_minutes` is taken to be on shift, and so is a unit that has not run for as long. Where nobody
knows whether a shift is on or a call is up, nothing is tested.
"""

from typing import Literal

from firmware.config import PowerPolicy
from firmware.facts import Fact, PowerReading
from firmware.supply.battery import Battery, Sample, at_floor

Order = Literal["start", "stop"]
CHARGED_PERCENT = 95.0
REFUSED_S = 10.0  # hardware that does not begin to discharge within this does not test
MOST_SAMPLES = 400


class Test(Fact, frozen=True):
    """`asked` by a person, `running_since` by the clock of the caller; `ended` says why the last one ended."""

    __test__ = False

    asked: bool = False
    running_since: float | None = None
    ended: str = ""


class Day(Fact, frozen=True):
    """What of the world around decides. `days_since` the last test is None where there was none."""

    hour_utc: int
    days_since: float | None
    quiet_s: float
    call: bool | None = None
    on_shift: bool | None = None


def obstacle(said: PowerReading, told: bool | None, day: Day) -> str:
    """Why no test may run now, in words; empty where it may."""
    if told is not True or said.mains is not True:
        return "mains is not there"
    if said.testing is None:
        return f"{said.source} cannot run a test"
    if day.on_shift is not False:
        return "a shift is on" if day.on_shift else "nobody knows whether a shift is on"
    if day.call is not False:
        return "a call is up, or nobody knows"
    return ""


def ready(said: PowerReading, day: Day, policy: PowerPolicy) -> str:
    """Why a test that may run should not begin yet."""
    if said.percent is None or said.voltage_v is None or said.percent < CHARGED_PERCENT:
        return "the battery is not charged"
    if day.quiet_s < 60 * policy.test_quiet_minutes:
        return f"the last call is less than {policy.test_quiet_minutes:g} minutes ago"
    return ""


def due(day: Day, policy: PowerPolicy) -> bool:
    if policy.test_every_days <= 0 or day.hour_utc != policy.test_hour_utc:
        return False
    return day.days_since is None or day.days_since >= policy.test_every_days


def decide(
    test: Test, said: PowerReading, told: bool | None, day: Day, rating: Battery, policy: PowerPolicy, now: float
) -> tuple[Test, Order | None]:
    """One step of the test; the order, if any, is for the hardware."""
    hindered = obstacle(said, told, day)
    if test.running_since is not None:
        why = hindered or _finished(test, said, rating, policy, now)
        return (Test(ended=why), "stop") if why else (test, None)
    wanted = test.asked or due(day, policy)
    why = hindered or ready(said, day, policy)
    if test.asked and why:
        return Test(ended=f"not begun: {why}"), None
    return (Test(running_since=now), "start") if wanted and not why else (test, None)


def _finished(test: Test, said: PowerReading, rating: Battery, policy: PowerPolicy, now: float) -> str:
    if at_floor(rating, said.percent, said.voltage_v, policy.test_floor_percent):
        return "done"
    began = test.running_since if test.running_since is not None else now
    return "the hardware does not discharge" if not said.testing and now - began >= REFUSED_S else ""


class Recording(Fact, frozen=True):
    """A discharge as it is written down: a sample at each point the gauge falls, and the energy counted meanwhile."""

    samples: tuple[Sample, ...] = ()
    used_wh: float = 0.0
    at: float | None = None


def record(recording: Recording, said: PowerReading, load_w: float, now: float) -> Recording:
    """The recording with one more reading; the load stands in where there is no current."""
    if said.percent is None or said.voltage_v is None:
        return recording
    drawn = said.voltage_v * said.current_a if said.current_a is not None and said.current_a > 0 else load_w
    passed_s = now - recording.at if recording.at is not None else 0.0
    used, samples = recording.used_wh + drawn * passed_s / 3600, recording.samples
    if (not samples or said.percent <= samples[-1].percent - 1) and len(samples) < MOST_SAMPLES:
        new = Sample(at=now, percent=said.percent, voltage_v=said.voltage_v, power_w=drawn, used_wh=used)
        samples = (*samples, new)
    return Recording(samples=samples, used_wh=used, at=now)
