"""How many minutes are left: a span of energy that only what agrees may narrow. Pure.

Three witnesses speak: the count of the energy that left since (never jumps), the gauge's percent and the voltage. What
two of them agree on is believed and a third that contradicts is doubted. Where none agree the answer is that the
unit does not know. No reading alone can move the span by more than the battery could have moved itself.
"""

from firmware.facts import Fact
from firmware.supply.battery import Battery, Span, charged, from_percent, from_voltage
from firmware.supply.run_out import Falling, fall, run_out_minutes

DOUBT_S, JUMP_S, DRIFT_S = 300.0, 3.0, 45.0
JUMP_SHARE = 0.03  # of the capacity: who contradicts the count by less may be right, and the counted current wrong
SETTLE_S = 2.0  # a voltage is that of the load only some seconds after mains went
RIGHT_SHARE = 0.015
LAST_MINUTE = 0.9  # of the straight line: curves bend down, so there is less than that; the grace is part of it
NUDGE_S = 120.0


class Estimate(Fact, frozen=True):
    """The state between two readings. `against_since` is when both gauge and voltage began to contradict the count.

    `voltage_right`: whether the battery's voltage was that of a charged one when it was last charged.
    """

    span: Span | None = None
    at: float | None = None
    draining_since: float | None = None
    power_w: float | None = None
    power_doubted: bool = False
    percent_doubted_until: float = 0.0
    voltage_doubted_until: float = 0.0
    against_since: float | None = None
    both_speak: bool = False
    voltage_right: bool | None = None
    falling: Falling = Falling()


class Minutes(Fact, frozen=True):
    """What is known: all None is nothing.

    `running_out`: gauge and voltage of a battery that was learned both say that the last minute has come.
    """

    at_least: float | None = None
    left: float | None = None
    at_most: float | None = None
    running_out: bool = False
    doubts: tuple[str, ...] = ()


def meet(one: Span | None, other: Span | None) -> Span | None:
    """What both allow; None where they contradict or one is silent."""
    if one is None or other is None:
        return None
    low, high = max(one.low_wh, other.low_wh), min(one.high_wh, other.high_wh)
    if low > high:
        return None
    return Span(low_wh=low, wh=min(high, max(low, one.wh)), high_wh=high)


def counted(state: Estimate, battery: Battery, draining: bool, power: Span, passed_s: float) -> Span | None:
    """The span after `passed_s` of discharge or of charge, by the power alone."""
    span, hours = state.span, passed_s / 3600
    if span is None or hours <= 0:
        return span
    if draining:
        return Span(
            low_wh=max(0.0, span.low_wh - power.high_wh * hours),
            wh=max(0.0, span.wh - power.wh * hours),
            high_wh=max(0.0, span.high_wh - power.low_wh * hours),
        )
    most = 1.1 * battery.capacity_wh
    return Span(low_wh=span.low_wh, wh=span.wh, high_wh=min(max(most, span.high_wh), span.high_wh + most * hours))


def drawn_w(state: Estimate, battery: Battery, power_w: float | None, passed_s: float) -> float | None:
    """The load, smoothed over half a minute; None where the current is not to be believed."""
    if power_w is None or state.power_doubted or not 0.4 <= power_w / battery.load_w <= 2.5:
        return None
    if state.power_w is None:
        return power_w
    return state.power_w + (power_w - state.power_w) * min(1.0, passed_s / 30)


def load(battery: Battery, drawn: float | None) -> Span:
    """The power that the unit draws, in W, with its bound."""
    if drawn is not None:
        return Span(low_wh=0.93 * drawn, wh=drawn, high_wh=1.07 * drawn)
    wide = 0.25 if battery.learned_at else 0.5
    return Span(low_wh=(1 - wide) * battery.load_w, wh=battery.load_w, high_wh=(1 + wide) * battery.load_w)


def step(
    state: Estimate,
    battery: Battery,
    percent: float | None,
    voltage_v: float | None,
    current_a: float | None,
    draining: bool,
    now: float,
) -> Estimate:
    """The state after one reading. `current_a` is positive out of the battery; None is a reading not taken."""
    passed_s = now - state.at if state.at is not None else 0.0
    since = (state.draining_since if state.draining_since is not None else now) if draining else None
    power = voltage_v * current_a if draining and voltage_v and current_a is not None else None
    drawn = drawn_w(state, battery, power, passed_s) if draining else state.power_w
    span = counted(state, battery, draining, load(battery, drawn), passed_s)
    power_w = drawn if drawn is not None else battery.load_w
    by_percent = from_percent(battery, percent, power_w) if percent is not None else None
    settled = since is not None and now - since >= SETTLE_S
    by_voltage = from_voltage(battery, voltage_v, power_w) if settled and voltage_v is not None else None
    wait_s = DRIFT_S if _apart(span, meet(by_percent, by_voltage)) < JUMP_SHARE * battery.capacity_wh else JUMP_S
    span, percent_doubt, voltage_doubt, against = believe(state, span, by_percent, by_voltage, wait_s, now)
    drifted = wait_s == DRIFT_S and _overruled(state, against, wait_s, now)
    return Estimate(
        span=_towards(
            span,
            by_percent if percent_doubt <= now else None,
            by_voltage if voltage_doubt <= now else None,
            passed_s,
        )
        if battery.learned_at
        else span,
        at=now,
        draining_since=since,
        power_w=drawn,
        power_doubted=draining and (state.power_doubted or drifted),
        percent_doubted_until=percent_doubt,
        voltage_doubted_until=voltage_doubt,
        against_since=against,
        both_speak=by_percent is not None and by_voltage is not None,
        voltage_right=state.voltage_right if draining else right(state, battery, percent, voltage_v, current_a),
        falling=fall(state.falling, voltage_v if settled else None, power_w, passed_s, now),
    )


def _apart(span: Span | None, both: Span | None) -> float:
    """How far the count and what gauge and voltage agree on are from each other, in Wh; 0 where they meet."""
    return 0.0 if span is None or both is None else max(0.0, span.low_wh - both.high_wh, both.low_wh - span.high_wh)


def _overruled(state: Estimate, against: float | None, wait_s: float, now: float) -> bool:
    """Whether gauge and voltage have just overruled the count."""
    return state.against_since is not None and against is None and now - state.against_since >= wait_s


def right(
    state: Estimate, battery: Battery, percent: float | None, voltage_v: float | None, current_a: float | None
) -> bool | None:
    """The voltage's check against a known point, at each full charge; what the last one said until then."""
    now_v = charged(percent, voltage_v, current_a, battery)
    if now_v is None or battery.charged_v is None:
        return state.voltage_right
    return abs(now_v / battery.charged_v - 1) <= RIGHT_SHARE


def believe(
    state: Estimate, span: Span | None, by_percent: Span | None, by_voltage: Span | None, wait_s: float, now: float
) -> tuple[Span | None, float, float, float | None]:
    """The span narrowed by who agrees, until when gauge and voltage are doubted, and since when both contradict.

    When they have agreed against the count for `wait_s`, they overrule it.
    """
    both = meet(by_percent, by_voltage)
    if span is None:
        first = both if by_percent and by_voltage else by_percent or by_voltage
        doubt = now + DOUBT_S if by_percent and by_voltage and both is None else 0.0
        return first, max(state.percent_doubted_until, doubt), max(state.voltage_doubted_until, doubt), None
    with_percent = meet(span, by_percent)
    with_voltage = meet(with_percent or span, by_voltage)
    narrowed = with_voltage or with_percent or span
    percent_doubt = now + DOUBT_S if by_percent and with_percent is None else state.percent_doubted_until
    voltage_doubt = now + DOUBT_S if by_voltage and with_voltage is None else state.voltage_doubted_until
    if both is None or with_percent or with_voltage:
        return narrowed, percent_doubt, voltage_doubt, None
    against = state.against_since if state.against_since is not None else now
    if now - against >= wait_s:
        return both, percent_doubt, voltage_doubt, None
    return narrowed, percent_doubt, voltage_doubt, against


def _towards(span: Span | None, by_percent: Span | None, by_voltage: Span | None, passed_s: float) -> Span | None:
    """The most likely value moved slowly to what the learned curves say, the surer one more, within the span."""
    said = [each for each in (by_percent, by_voltage) if each is not None]
    if span is None or not said:
        return span
    weights = [1 / max(1e-6, each.high_wh - each.low_wh) for each in said]
    target = sum(each.wh * weight for each, weight in zip(said, weights, strict=True)) / sum(weights)
    wh = span.wh + (target - span.wh) * min(1.0, passed_s / NUDGE_S)
    return Span(low_wh=span.low_wh, wh=min(span.high_wh, max(span.low_wh, wh)), high_wh=span.high_wh)


def sure(state: Estimate, battery: Battery) -> bool:
    """Whether gauge and voltage may end a call: both speak, of a known battery, and none was caught in this outage.

    A gauge by which the battery should be dead already is caught by that.
    """
    if not state.both_speak or not battery.learned_at or not state.voltage_right or state.draining_since is None:
        return False
    if state.span is None or state.span.high_wh <= 0:
        return False
    caught = max(state.percent_doubted_until, state.voltage_doubted_until) - DOUBT_S
    return caught < state.draining_since


def minutes(state: Estimate, battery: Battery) -> Minutes:
    """What is known after `step`."""
    now, span = state.at or 0.0, state.span
    doubts = tuple(
        name
        for name, until in (("percent", state.percent_doubted_until), ("voltage", state.voltage_doubted_until))
        if now < until
    ) + (("current",) if state.power_doubted else ())
    if span is None or span.high_wh - span.low_wh > 0.8 * battery.capacity_wh:
        return Minutes(doubts=doubts)
    power = load(battery, state.power_w)
    at_least, left, at_most = (
        60 * span.low_wh / power.high_wh,
        60 * span.wh / power.wh,
        60 * span.high_wh / power.low_wh,
    )
    run_out = run_out_minutes(state.falling, battery, now)
    last_minute = sure(state, battery) and at_least <= 1 and run_out is not None and run_out <= LAST_MINUTE
    if run_out is not None:
        at_least, left = min(at_least, run_out), min(left, run_out)
    return Minutes(at_least=at_least, left=left, at_most=at_most, running_out=last_minute, doubts=doubts)
