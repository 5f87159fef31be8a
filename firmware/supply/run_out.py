"""When the voltage reaches the cut-off: a straight line through its last minute. Pure, and knows nothing of any gauge.

Discharge curves bend down at their end, so near it the battery dies no later than the line says.
"""

from firmware.facts import Fact
from firmware.supply.battery import Battery

POINT_S, POINTS, FEWEST = 10.0, 6, 3
SMOOTH_S = 8.0
SAME_LOAD = 0.15
NEAR_END = 0.15  # the share of the voltage's range, above the cut-off, in which the straight line counts


class Falling(Fact, frozen=True):
    """The smoothed voltage, and one point (time, voltage, power) of it each POINT_S of the last minute."""

    slow_v: float | None = None
    points: tuple[tuple[float, float, float], ...] = ()


def fall(state: Falling, voltage_v: float | None, power_w: float, passed_s: float, now: float) -> Falling:
    """The state after one reading; a voltage that is not the load's (None) begins anew."""
    if voltage_v is None:
        return Falling()
    old = state.slow_v
    slow = voltage_v if old is None else old + (voltage_v - old) * min(1.0, passed_s / SMOOTH_S)
    if state.points and now - state.points[-1][0] < POINT_S:
        return Falling(slow_v=slow, points=state.points)
    return Falling(slow_v=slow, points=(*state.points[1 - POINTS :], (now, slow, power_w)))


def run_out_minutes(state: Falling, battery: Battery, now: float) -> float | None:
    """Minutes to the cut-off; None far from it, without a line, or where the load changed under it."""
    if len(state.points) < FEWEST or state.slow_v is None:
        return None
    if state.slow_v >= battery.empty_v + NEAR_END * (battery.full_v - battery.empty_v):
        return None
    first_w, last_w = state.points[0][2], state.points[-1][2]
    fell_per_minute = -60 * steepness([*((at, volts) for at, volts, _ in state.points), (now, state.slow_v)])
    if fell_per_minute <= 0 or abs(last_w / first_w - 1) > SAME_LOAD:
        return None
    now_v = state.slow_v - fell_per_minute * SMOOTH_S / 60  # what is smoothed comes late
    return max(0.0, now_v - battery.empty_v) / fell_per_minute


def steepness(points: list[tuple[float, float]]) -> float:
    """The slope of the line of least squares through the points."""
    middle_x, middle_y = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread > 0 else 0.0
