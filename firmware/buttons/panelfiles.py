"""The files through which the panel, which has no bus, speaks with the rest of the unit.

| file                   | written by            | holds                                                              |
|------------------------|-----------------------|--------------------------------------------------------------------|
| `DATA/mute`            | panel, headset        | the commanded mute, `muted` or `live`; survives a power cut        |
| `RUN/panel.json`       | panel                 | `facts.Panel`; touched whenever its contacts were read anew        |
| `RUN/lamps.json`       | panelbus              | `lamps.Request`, made anew every few seconds                       |
| `RUN/presses/ID.alert` | panel                 | an alert that is not yet in the spool, or a PANIC still held       |
| `RUN/selftest.request` | panel                 | when a self test was asked for; whoever runs it removes the file   |
| `RUN/consent.json`     | panel                 | that a hand consented to remote help, and when                     |
"""

import logging
import os
import time
from pathlib import Path
from typing import cast

from firmware import kept, spool
from firmware.buttons.gestures import Mute
from firmware.buttons.lamps import Request
from firmware.clock import now_rfc3339
from firmware.facts import Alert, Panel
from firmware.kept import replace
from firmware.remote_help.consent import FILE as CONSENT
from firmware.remote_help.consent import Consent, since_boot_s

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
        replace(self.run / "panel.json", kept.seal(fact))

    def is_read(self) -> None:
        """The contacts were read anew just now: whoever sees nothing of this for a while has a panel that hangs."""
        os.utime(self.run / "panel.json")

    def request(self, stale_s: float) -> Request:
        """What the lamps of other owners must show; unknown (a fault, red) where nobody has said so lately."""
        file = self.run / "lamps.json"
        try:
            if time.time() - file.stat().st_mtime > stale_s:
                return Request()
            return kept.read(file, Request) or Request()
        except FileNotFoundError:
            return Request()
        except (OSError, kept.Damaged) as error:
            log.error("refused: %s", error)
            return Request()

    def ask_selftest(self) -> None:
        replace(self.run / "selftest.request", now_rfc3339().encode())

    def consent(self) -> None:
        """To remote help, from now on; how long it holds is the site's to say."""
        given = Consent(given_s=since_boot_s(), at=now_rfc3339())
        replace(self.run / CONSENT, kept.seal(given))

    def take_back(self) -> None:
        (self.run / CONSENT).unlink(missing_ok=True)

    def remember(self, alert: Alert) -> None:
        """Lets a panel that starts after a crash finish this alert, under the same id."""
        try:
            replace(self.presses / f"{alert.id}.alert", kept.seal(alert))
        except OSError as error:
            log.error("cannot keep %s in %s: %s", alert.id, self.presses, error.strerror)

    def forget(self, id: str) -> None:
        (self.presses / f"{id}.alert").unlink(missing_ok=True)

    def remembered(self) -> list[Alert]:
        """Oldest first; a damaged one may have been a panic and goes on as one, what is no alert at all is removed."""
        return [alert for file in sorted(self.presses.glob("*.alert")) if (alert := self._alert(file))]

    def _alert(self, file: Path) -> Alert | None:
        try:
            return spool.whole(file.stem, file.read_bytes())
        except kept.Damaged as error:
            alert = spool.panic_of(file.stem)
            log.error("%s: %s; %s", file, error, "it goes on as a panic" if alert else "removed")
            if alert is None:
                file.unlink()
            return alert
