"""Why a unit is not simply green."""

from typing import Literal

import msgspec

Level = Literal["warning", "unknown", "unsafe"]


class Reason(msgspec.Struct, frozen=True):
    """`warning`: calls can be taken; `unsafe`: they cannot; `unknown`: nobody can say, so they should not.

    `settle_s`: it is a reason only once it has been so for this long; what is expected to pass is none.
    """

    check: str
    level: Level
    words: str
    settle_s: float = 0.0
