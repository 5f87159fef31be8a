"""The screen's brightness through the kernel's backlight class (Documentation/ABI/stable/sysfs-class-backlight)."""

import contextlib
from pathlib import Path


class Backlight:
    """Every screen below `root`; a unit without a screen has none, and dimming it is no error."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._before: dict[Path, str] = {}

    def dim(self, percent: float) -> None:
        """Down to `percent` of the most; never up. What each was before is kept for `restore`."""
        for screen in self._screens():
            with contextlib.suppress(OSError, ValueError):
                now, most = int((screen / "brightness").read_text()), int((screen / "max_brightness").read_text())
                self._before.setdefault(screen, str(now))
                (screen / "brightness").write_text(str(min(now, round(most * percent / 100))))

    def restore(self) -> None:
        for screen, before in self._before.items():
            with contextlib.suppress(OSError):
                (screen / "brightness").write_text(before)
        self._before.clear()

    def _screens(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.is_dir() else []
