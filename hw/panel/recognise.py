"""Which pattern a lamp shows, recognised from when it was measured to go on and off."""

from collections import deque

from firmware.facts import Pattern

STEADY_S = 0.9
"""Longer than any pattern keeps a lamp dark or lit; until then the pattern seen last still stands."""


class Watched:
    """One lamp under observation. Times in seconds, on one clock."""

    def __init__(self, now: float) -> None:
        self.lit, self.since = False, now
        self.pattern: Pattern = "off"
        self.rises: deque[float] = deque(maxlen=3)

    def edge(self, lit: bool, now: float) -> None:
        if lit == self.lit:
            return
        self.pattern = self.shown(now)
        width_s, self.lit, self.since = now - self.since, lit, now
        if lit:
            self.rises.append(now)
        self._recognise(width_s)

    def shown(self, now: float) -> Pattern:
        if now - self.since < STEADY_S:
            return self.pattern
        return "on" if self.lit else "off"

    def _recognise(self, width_s: float) -> None:
        """After a lit time ended (slow), or on the third rise (fast, double)."""
        if width_s >= STEADY_S:
            self.rises = deque(list(self.rises)[-1:] if self.lit else [], maxlen=3)
        elif not self.lit and 0.35 <= width_s < 0.7:
            self.pattern = "slow"
            self.rises.clear()
        elif self.lit and len(self.rises) == 3:
            first, second, third = self.rises
            longest_s = max(second - first, third - second)
            self.pattern = "fast" if longest_s < 0.45 else "double"
