"""Whether an uplink carried a download to its end: what breaks with the link says nothing of the bundle."""

from collections.abc import Callable

from firmware import facts


class Link:
    """`broke`: at some moment since `begin` no uplink was known to be up. `back` is called when one is up again after
    `wanted`, at once where one is."""

    def __init__(self, back: Callable[[], None]) -> None:
        self.up = self.waited_for = False
        self.broke = True
        self.back = back

    def begin(self) -> None:
        self.broke = not self.up

    def now(self, uplinks: facts.Uplinks | None) -> None:
        self.up = uplinks is not None and any(each.state == "up" for each in uplinks.uplinks)
        self.broke = self.broke or not self.up
        self._call()

    def wanted(self) -> None:
        self.waited_for = True
        self._call()

    def _call(self) -> None:
        if self.up and self.waited_for:
            self.waited_for = False
            self.back()
