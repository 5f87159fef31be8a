"""Why a unit is not simply green."""

from typing import Literal

import msgspec

Level = Literal["warning", "unknown", "unsafe"]


class Reason(msgspec.Struct, frozen=True):
    """`warning`: calls can be taken; `unsafe`: they cannot; `unknown`: nobody can say, so they should not."""

    check: str
    level: Level
    words: str
