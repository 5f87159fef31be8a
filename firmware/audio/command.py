"""The commanded mute as it is kept, in `DATA/mute`: written by the panel, and by us for the headset's own button."""

import logging
import os
from pathlib import Path

from firmware.kept import sync

Version = tuple[int, int]
log = logging.getLogger("microphone")


def commanded(file: Path) -> bool:
    """Whether mute is commanded: no file is live, anything but `live` in it is muted."""
    try:
        return file.read_text().strip() != "live"
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        log.error("cannot read %s: %s; taken as muted", file, error)
        return True


class CommandFile:
    """Tells the panel's presses from what we wrote ourselves: each is a file of its own, renamed into place."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: Version | None = None

    def pressed(self) -> bool | None:
        """Whether mute is commanded, by a press of the panel that was not asked for yet (at first: by whoever wrote it
        last); None without one."""
        if (now := self._version()) == self._known:
            return None
        self._known = now
        return commanded(self.file)

    def store(self, muted: bool) -> bool:
        """On disk when this returns, and never half. False, and nothing written: the panel was pressed meanwhile."""
        temporary = self.file.with_name(f".{self.file.name}.headset")
        with temporary.open("w") as out:
            out.write("muted\n" if muted else "live\n")
            out.flush()
            os.fsync(out.fileno())
        if self._version() != self._known:
            temporary.unlink()
            return False
        temporary.rename(self.file)
        self._known = self._version()
        sync(self.file.parent)
        return True

    def _version(self) -> Version:
        """Another one whenever the file was written anew."""
        try:
            found = self.file.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns
