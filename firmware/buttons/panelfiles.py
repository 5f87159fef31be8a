"""The files through which the panel, which has no bus, speaks with the rest of the unit.

| file                   | written by            | holds                                                              |
|------------------------|-----------------------|--------------------------------------------------------------------|
| `DATA/mute`            | panel, headset        | the commanded mute, `muted` or `live`; survives a power cut        |
| `RUN/panel.json`       | panel                 | `facts.Panel`                                                      |
| `RUN/lamps.json`       | panelbus              | `lamps.Request`, made anew every few seconds                       |
| `RUN/presses/ID.alert` | panel                 | an alert that is not yet in the spool, or a PANIC still held       |
| `RUN/selftest.request` | panel                 | when a self test was asked for; whoever runs it removes the file   |
"""

import logging
import os
import time
from pathlib import Path
from typing import cast

import msgspec

from firmware import spool
from firmware.buttons.gestures import Mute
from firmware.buttons.lamps import Request
from firmware.clock import now_rfc3339
from firmware.facts import Alert, Panel

log = logging.getLogger("panel")


class PanelFiles:
    def __init__(self, data: Path, run: Path) -> None:
        self.data, self.run, self.presses = data, run, run / "presses"
        data.mkdir(parents=True, exist_ok=True)
        self.presses.mkdir(parents=True, exist_ok=True)

    @property
    def fresh(self) -> bool:
        """No panel has run since RUN was made: after a boot, not after a crash."""
        return not (self.run / "panel.json").exists()

    def mute(self) -> Mute:
        """The commanded mute; a microphone nobody muted is live."""
        try:
            content = (self.data / "mute").read_text().strip()
        except (FileNotFoundError, UnicodeDecodeError):
            content = ""
        return cast(Mute, content) if content in ("muted", "live") else "live"

    def set_mute(self, to: Mute) -> None:
        """On disk when this returns; OSError where it cannot be."""
        replace(self.data / "mute", to.encode(), durable=True)

    def tell(self, fact: Panel) -> None:
        replace(self.run / "panel.json", msgspec.json.encode(fact))

    def request(self, stale_s: float) -> Request:
        """What the lamps of other owners must show; unknown (a fault, red) where nobody has said so lately."""
        file = self.run / "lamps.json"
        try:
            if time.time() - file.stat().st_mtime > stale_s:
                return Request()
            return msgspec.json.decode(file.read_bytes(), type=Request)
        except FileNotFoundError:
            return Request()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("%s refused: %s", file, error)
            return Request()

    def ask_selftest(self) -> None:
        replace(self.run / "selftest.request", now_rfc3339().encode())

    def remember(self, alert: Alert) -> None:
        """Lets a panel that starts after a crash finish this alert, under the same id."""
        try:
            replace(self.presses / f"{alert.id}.alert", msgspec.json.encode(alert))
        except OSError as error:
            log.error("cannot keep %s in %s: %s", alert.id, self.presses, error.strerror)

    def forget(self, id: str) -> None:
        (self.presses / f"{id}.alert").unlink(missing_ok=True)

    def remembered(self) -> list[Alert]:
        """Oldest first; what is torn is removed."""
        return [alert for file in sorted(self.presses.glob("*.alert")) if (alert := self._alert(file))]

    def _alert(self, file: Path) -> Alert | None:
        try:
            return msgspec.json.decode(file.read_bytes(), type=Alert)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("%s refused and removed: %s", file, error)
            file.unlink()
            return None


def replace(file: Path, content: bytes, *, durable: bool = False) -> None:
    """The whole file or not at all; `durable`: also after a power cut."""
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as out:
        out.write(content)
        out.flush()
        if durable:
            os.fsync(out.fileno())
    new.rename(file)
    if durable:
        spool.sync(file.parent)
