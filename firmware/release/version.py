"""Which release this is and which slot was booted: what runs, not what was installed."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CMDLINE = Path("/proc/cmdline")


def release() -> str:
    """The package's version; `0` where it was not installed."""
    try:
        return version("home-dispatch-unit")
    except PackageNotFoundError:
        return "0"


def slot(cmdline: str | None = None) -> str | None:
    """The slot named by the boot loader (`rauc.slot=A`); None where there are no slots."""
    words = (CMDLINE.read_text() if cmdline is None else cmdline).split()
    return next((word.removeprefix("rauc.slot=") for word in words if word.startswith("rauc.slot=")), None)
