"""The dispatcher's consent to remote help: given by hand at the panel, for a while, and never by anybody else. Pure."""

import os
import stat
import time
from pathlib import Path

from firmware import kept
from firmware.facts import Fact

FILE = "consent.json"


class Consent(Fact, frozen=True):
    """Given at `given_s` of CLOCK_BOOTTIME, which no clock setting moves, `at` as people read it (RFC 3339)."""

    given_s: float
    at: str = ""


def left_s(consent: Consent | None, now_s: float, minutes: float) -> float:
    """Seconds for which it still holds; 0 where there is none, and for one that says it was given in the future."""
    if consent is None or not 0 <= now_s - consent.given_s < minutes * 60:
        return 0.0
    return consent.given_s + minutes * 60 - now_s


def since_boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def given(file: Path, by_uid: int) -> Consent | None:
    """What `file` says; None where it is not there, is damaged, or is not the panel's own (`by_uid`)."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as opened:
            of = os.fstat(opened.fileno())
            ours = of.st_uid == by_uid and stat.S_ISREG(of.st_mode) and of.st_nlink == 1
            return kept.opened(opened.read(4096), Consent) if ours else None
    except (OSError, kept.Damaged):
        return None
