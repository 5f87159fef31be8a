"""A battery pack as physics: hidden parameters, open-circuit voltage by charge, inner resistance, a cut-off. Pure.

The twin and the recorded curves run on it. It is the hardware: nothing of it is known to the firmware, which sees
only what a gauge would say.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

Curve = Sequence[tuple[float, float]]  # (share of charge left, value), rising in the first

NMC: Curve = ((0, 3.0), (0.03, 3.3), (0.1, 3.48), (0.3, 3.62), (0.5, 3.71), (0.7, 3.88), (0.9, 4.06), (1, 4.18))
LFP: Curve = ((0, 2.6), (0.03, 2.98), (0.1, 3.18), (0.3, 3.25), (0.7, 3.29), (0.95, 3.33), (1, 3.45))
LEAD: Curve = ((0, 1.72), (0.04, 1.85), (0.1, 1.91), (0.3, 1.97), (0.5, 2.02), (0.7, 2.06), (1, 2.12))


def along(curve: Curve, at: float) -> float:
    """The curve's value at `at`, by straight lines; held at its ends."""
    if at <= curve[0][0]:
        return curve[0][1]
    if at >= curve[-1][0]:
        return curve[-1][1]
    x0, y0 = curve[0]
    for x1, y1 in curve:
        if x1 >= at:
            break
        x0, y0 = x1, y1
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """`charge` is the share left (0 to 1); `gauge` maps the true share to what a gauge with a wrong table would say."""

    capacity_wh: float = 34.0
    cells: int = 2
    curve: Curve = NMC
    resistance_ohm: float = 0.11
    load_w: float = 9.0
    cutoff_v: float = 6.0
    charge_w: float = 15.0
    loss_at_rate: float = 0.0
    gauge: Curve = ((0.0, 0.0), (1.0, 1.0))
    charge: float = 1.0

    @property
    def rest_v(self) -> float:
        return self.cells * along(self.curve, self.charge)

    def voltage_v(self, power_w: float) -> float:
        """At the terminals, where `power_w` flows out (negative: in); the cut-off where the pack cannot give it."""
        rest = self.rest_v
        inside = rest * rest - 4 * self.resistance_ohm * power_w
        return (rest + inside**0.5) / 2 if inside > 0 else rest / 2

    def drain_w(self, power_w: float) -> float:
        """What leaves the cells for `power_w` at the terminals: resistance, and loss at a high rate (Peukert)."""
        current = power_w / self.voltage_v(power_w)
        rate = max(0.0, power_w / self.capacity_wh - 0.2)
        return current * self.rest_v * (1 + self.loss_at_rate * rate)

    @property
    def dead(self) -> bool:
        return self.charge <= 0 or self.voltage_v(self.load_w) <= self.cutoff_v

    @property
    def percent(self) -> float:
        return 100 * along(self.gauge, self.charge)

    def discharge(self, seconds: float) -> "Pack":
        used = self.drain_w(self.load_w) * seconds / 3600 / self.capacity_wh
        return replace(self, charge=max(0.0, self.charge - used))

    def recharge(self, seconds: float) -> "Pack":
        taken = min(self.charge_w, self.charge_w * 8 * (1.02 - self.charge)) * seconds / 3600 / self.capacity_wh
        return replace(self, charge=min(1.0, self.charge + taken))

    def minutes_left(self, step_s: float = 5.0, most_minutes: float = 6_000.0) -> float:
        """The truth: how long it lasts from here at its load; what is beyond `most_minutes` is not looked at."""
        pack, seconds = self, 0.0
        while not pack.dead and seconds < 60 * most_minutes:
            pack, seconds = pack.discharge(step_s), seconds + step_s
        return seconds / 60
