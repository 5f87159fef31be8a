"""Which release this is and which slot was booted: what runs, not what was installed."""

import os
from pathlib import Path

RELEASE = "0.1.0"
"""This release; `pyproject.toml` takes it from here."""
CMDLINE = Path(os.environ.get("HDU_CMDLINE", "/proc/cmdline"))  # elsewhere on the bench, whose kernel has no slots


def slot(cmdline: str | None = None) -> str | None:
    """The slot named by the boot loader (`rauc.slot=A`); None where there are no slots."""
    words = (CMDLINE.read_text() if cmdline is None else cmdline).split()
    return next((word.removeprefix("rauc.slot=") for word in words if word.startswith("rauc.slot=")), None)
