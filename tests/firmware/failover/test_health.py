"""The strike machine, transition by transition."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.failover import health as strikes
from firmware.failover import timing
from firmware.failover.health import Answered, Carrier, Fact, Health, Other, Pace, Paced, Sent, Tick, Traffic, step

RTT_S = 0.024


def run(health: Health, now: float, until: float, answers: bool, rtt_s: float = RTT_S) -> tuple[Health, float]:
    """Probes as due until `until`, each answered after `rtt_s` or not at all; the health and the time after."""
    air: list[float] = []
    while True:
        due = strikes.due_at(health)
        at = min(due, air[0] + rtt_s) if air else due
        at = max(at, now)
        if at > until:
            for sent_at in air:  # what is on its way still comes
                until = max(until, sent_at + rtt_s)
                health, _ = step(health, Answered(sent_at, rtt_s * 1000, rtt_s * 500), until)
            return step(health, Tick(), until)[0], until
        now = at
        if air and air[0] + rtt_s <= at:
            sent_at = air.pop(0)
            health, _ = step(health, Answered(sent_at, rtt_s * 1000, rtt_s * 500), at)
        elif strikes.probe_at(health) <= at:
            health, _ = step(health, Sent(), at)
            air += [at] if answers else []
        else:
            health, _ = step(health, Tick(), at)


def wired() -> Health:
    """A wired uplink that has been well for ten seconds."""
    health, _ = run(step(Health(), Carrier(True), 0.0)[0], 0.0, 10.0, True)
    assert health.state == "up"
    return health


def test_unknown_until_something_answers() -> None:
    health, due = step(Health(), Carrier(True), 5.0)
    assert (health.state, due <= 5.0) == ("unknown", True)
    assert run(health, 5.0, 5.1, True)[0].state == "up"


def test_no_carrier_is_down_at_once_and_is_not_probed() -> None:
    health, due = step(wired(), Carrier(False), 10.001)
    assert (health.state, health.reason, due) == ("down", "no carrier", strikes.NEVER)


def test_one_miss_is_doubt_and_brings_quick_probes() -> None:
    health = wired()
    health, _ = run(health, 10.0, strikes.probe_at(health) + 0.07, False)
    assert (health.state, health.poor) == ("suspect", "")
    assert health.well_since is not None, "a doubt does not end being well"
    assert strikes.probe_at(health) - health.sent_at == pytest.approx(health.pace.quick_ms / 1000)


def test_an_answer_ends_a_doubt() -> None:
    health, now = run(wired(), 10.0, 10.1, False)
    assert health.state == "suspect"
    assert run(health, now, now + 0.1, True)[0].state == "up"


def test_silence_strikes_out_within_a_fifth_of_a_second_of_the_first_miss() -> None:
    health = wired()
    first = strikes.probe_at(health)
    health, _ = run(health, 10.0, first + 0.2, False)
    assert (health.state, health.reason) == ("down", "silent")
    assert health.misses >= strikes.STRIKES
    assert health.trouble_at == pytest.approx(first)


@pytest.mark.parametrize("burst_ms", [10, 50, 90, 100])
@pytest.mark.parametrize("phase_ms", [0, 10, 30, 49])
def test_a_burst_is_lived_through(burst_ms: float, phase_ms: float) -> None:
    health, now = run(wired(), 10.0, 10.0 + phase_ms / 1000, True)
    health, now = run(health, now, now + burst_ms / 1000, False)
    assert health.state != "down"
    assert run(health, now, now + 1.0, True)[0].state == "up"


def test_back_from_down_needs_three_answers_in_a_row() -> None:
    health, now = run(wired(), 10.0, 11.0, False)
    seen = []
    for number in range(1, 5):
        health, _ = step(health, Sent(), now)
        health, _ = step(health, Answered(now, 24.0, 12.0), now + RTT_S)
        seen.append((number, health.state))
        now += 0.1
    assert seen == [(1, "suspect"), (2, "suspect"), (3, "up"), (4, "up")]
    assert health.well_since == pytest.approx(now - 0.2 + RTT_S)


def test_slow_is_poor_and_fast_again_is_not() -> None:
    health, now = run(wired(), 10.0, 14.0, True, rtt_s=0.8)
    assert (health.state, health.poor) == ("suspect", "slow")
    health, _ = run(health, now, now + 3.0, True)
    assert (health.state, health.poor) == ("up", "")


def test_a_third_lost_is_poor_within_two_seconds() -> None:
    health, took = wired(), []
    for seed in range(20):
        after = lossy(health, 10.0, 0.3, random.Random(seed), 5.0)
        took.append(after)
    assert sorted(took)[10] < 1.0
    assert max(took) < 2.5


def lossy(health: Health, now: float, loss: float, chance: random.Random, bound_s: float) -> float:
    """How long until loss alone makes it poor."""
    began, air = now, list[float]()
    while now - began < bound_s:
        at = min(strikes.due_at(health), air[0] + RTT_S if air else strikes.NEVER)
        now = at
        if air and air[0] + RTT_S <= at:
            health, _ = step(health, Answered(air.pop(0), 24.0, 12.0), now)
        elif strikes.probe_at(health) <= now:
            health, _ = step(health, Sent(), now)
            air += [now] if chance.random() >= loss else []
        else:
            health, _ = step(health, Tick(), now)
        if health.poor == "lossy" or health.state == "down":
            return now - began
    return bound_s


def test_traffic_coming_in_doubles_the_patience_and_no_more() -> None:
    health = wired()
    first = strikes.probe_at(health)
    silent, _ = run(health, 10.0, first + 0.05, False)
    patient, _ = step(silent, Traffic(), first + 0.05)
    assert strikes.span_ms(patient) == 2 * strikes.span_ms(silent)
    assert run(patient, first + 0.05, first + 0.25, False)[0].state == "suspect"
    assert run(patient, first + 0.05, first + 0.5, False)[0].state == "down"


def test_others_that_answer_tell_a_silent_hub_and_never_make_an_uplink_good() -> None:
    health, now = run(wired(), 10.0, 11.0, False)
    assert not strikes.hub_silent(health, now)
    health, _ = step(health, Other(), now)
    assert strikes.hub_silent(health, now)
    assert health.state == "down"
    assert not strikes.hub_silent(health, now + 60)


def test_a_late_answer_is_slow_and_not_lost() -> None:
    health, now = step(wired(), Sent(), 10.05)[0], 10.6
    health, _ = step(health, Tick(), now)
    assert health.misses == 1
    health, _ = step(health, Answered(10.05, 550.0, 275.0), now)
    assert (health.misses, health.score, health.slow) == (0, 0.0, 1)


def test_a_calm_uplink_that_may_wait_is_looked_at_with_its_next_probe() -> None:
    health, _ = step(wired(), Paced(Pace(patient=True)), 10.0)
    health, due = step(health, Sent(), 10.05)
    assert due == strikes.probe_at(health)
    missing, due = step(health, Tick(), due)
    assert (missing.state, missing.misses) == ("suspect", 1)
    sent, due = step(missing, Sent(), 10.1)
    assert due < 10.1 + sent.pace.interval_ms / 1000, "in doubt nothing waits"


def test_patience_costs_a_dead_path_nothing() -> None:
    """Down at the same time after the first lost probe, whether or not its answer was waited for."""
    took = []
    for patient in (False, True):
        health, _ = step(wired(), Paced(Pace(patient=patient)), 10.0)
        first, now = strikes.probe_at(health), 10.0
        while health.state != "down":
            now = strikes.due_at(health)
            health, _ = step(health, Sent() if strikes.probe_at(health) <= now else Tick(), now)
        took.append(now - first)
    assert took[1] == pytest.approx(took[0], abs=health.pace.quick_ms / 1000)


def test_an_answer_overtaken_by_a_later_one_tells_of_the_past() -> None:
    health = wired()
    for at in (20.0, 20.01):
        health, _ = step(health, Sent(), at)
    health, _ = step(health, Answered(20.01, 10.0, 5.0), 20.02)
    after, _ = step(health, Answered(20.0, 30.0, 15.0), 20.03)
    assert (after.pending, after.path, after.proof_at, after.good) == ((), health.path, 20.01, health.good)


@given(st.lists(st.tuples(st.sampled_from("sacpt"), st.floats(0, 2)), max_size=40))
def test_the_time_an_answer_may_take_follows_path_and_pace(history: list[tuple[str, float]]) -> None:
    health, now = Health(), 0.0
    for what, gap in history:
        now += gap
        facts: dict[str, Fact] = {
            "s": Sent(),
            "c": Carrier(gap > 0.3),
            "p": Paced(Pace(floor_ms=20 + gap)),
            "t": Tick(),
        }
        answer = Answered(health.pending[-1] if health.pending else now, gap * 1000, gap * 500)
        health, _ = step(health, facts.get(what, answer), now)
        assert health.timeout_s == timing.timeout_s(health)


def test_a_pace_is_kept() -> None:
    health, _ = step(Health(pace=Pace(interval_ms=250.0)), Carrier(True), 0.0)
    health, _ = run(health, 0.0, 5.0, True)
    assert strikes.probe_at(health) == pytest.approx(health.sent_at + 0.25)


def test_an_answer_that_comes_after_the_cable_was_pulled_does_not_bring_it_back() -> None:
    """It would stay suspect for ever: without a carrier no probe goes out that could prove or fail it."""
    health = wired()
    sent, _ = step(health, Sent(), strikes.due_at(health))
    pulled, _ = step(sent, Carrier(False), sent.sent_at + 0.001)
    late, due = step(pulled, Answered(sent.sent_at, 24.0, 12.0), sent.sent_at + 0.024)
    assert (late.state, late.reason, due) == ("down", "no carrier", strikes.NEVER)
    again, _ = step(late, Carrier(True), sent.sent_at + 1.0)
    assert run(again, sent.sent_at + 1.0, sent.sent_at + 1.1, True)[0].state == "up"
