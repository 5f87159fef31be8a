"""Which release this is, which slot was booted and when: what runs, not what was installed."""

import os
from pathlib import Path

RELEASE = "0.1.0"
"""This release; `pyproject.toml` takes it from here."""
CMDLINE = Path(os.environ.get("HDU_CMDLINE", "/proc/cmdline"))  # elsewhere on the bench, whose kernel has no slots

BOOT = Path(os.environ.get("HDU_BOOT", "/proc/sys/kernel/random/boot_id"))  # as the one above


def slot(cmdline: str | None = None) -> str | None:
    """The slot named by the boot loader (`rauc.slot=A`); None where there are no slots."""
    words = (CMDLINE.read_text() if cmdline is None else cmdline).split()
    return next((word.removeprefix("rauc.slot=") for word in words if word.startswith("rauc.slot=")), None)


def boot() -> str:
    """Which start of this unit it is: another word after each (proc(5), random/boot_id)."""
    return BOOT.read_text().strip()
