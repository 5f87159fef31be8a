"""A roll-out file: which release goes to whom, when. TOML that is reviewed, signed and published like what it releases.

id = "hdu-1.3"                       one word; `halts/ID` in the repository stops it
kind = "bundle"                      or "site"
target = "bundles/hdu-1.3.raucb"
version = "1.3"
urgent = false                       true: over LTE too, and outside the window; never on shift or in a call
failure_limit = 0.02                 failures and roll-backs of a ring, as a fraction of its units that tried ...
failures_at_least = 3                ... and this many, before the roll-out stops itself
[percent]                            of each ring, by the hash of the unit's name; a ring that is not named: none
canary = 100
early = 25
[window]                             hours of the day (UTC); from 22 to 5 goes over midnight
from_hour = 1
to_hour = 5
"""

import re
import tomllib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Ring = Literal["canary", "early", "all"]
RINGS: tuple[Ring, ...] = ("canary", "early", "all")
Hour = Annotated[int, Meta(ge=0, le=24)]
MAX_BYTES = 65_536


class RollOutError(ValueError):
    """The file is no roll-out; one line: what, where, what to do."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the first hour to the second; 0 to 24 is always."""

    from_hour: Hour = 0
    to_hour: Hour = 24

    def open(self, hour: float) -> bool:
        if self.from_hour <= self.to_hour:
            return self.from_hour <= hour < self.to_hour
        return hour >= self.from_hour or hour < self.to_hour


class RollOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}\Z")]
    kind: Literal["bundle", "site"] = "bundle"
    target: Annotated[str, Meta(pattern=r"^(bundles|site)/[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")]
    version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){0,3}\Z", max_length=40)]
    urgent: bool = False
    failure_limit: Annotated[float, Meta(ge=0, le=1)] = 0.02
    failures_at_least: Annotated[int, Meta(ge=1, le=1_000)] = 3
    percent: dict[Ring, Annotated[float, Meta(ge=0, le=100)]] = {}
    window: Window = Window()


def parse(data: bytes, where: str) -> RollOut:
    """The roll-out in `data`; RollOutError for anything else."""
    if len(data) > MAX_BYTES:
        raise RollOutError(f"{where}: {len(data)} bytes is too long for a roll-out (at most {MAX_BYTES})")
    try:
        made = msgspec.convert(tomllib.loads(data.decode()), RollOut)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise RollOutError(
            f"{where}: is no roll-out: {' '.join(str(error).split())}; see firmware/release/rollout.py"
        ) from error
    if made.target.partition("/")[0] != {"bundle": "bundles", "site": "site"}[made.kind]:
        raise RollOutError(f"{where}: a roll-out of a {made.kind} cannot name {made.target}; correct kind or target")
    return made


def version_key(version: str) -> tuple[int, ...]:
    """Orders versions by number: 1.10 after 1.9; 1.2 and 1.2.0 are one."""
    parts = [int(part) for part in re.findall(r"[0-9]+", version)]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
