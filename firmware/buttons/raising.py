"""The panel's side of the spool: alerts go in, and what becomes of the panics comes back for the lamp.

An alert is remembered in RUN before it is put in the spool, so that a panel that is killed in between finishes it under
the same id; a PANIC stays remembered until it is let go, so that one press held over a crash is not raised twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from ulid import ULID

from firmware.buttons import openalerts
from firmware.buttons.panelfiles import PanelFiles
from firmware.clock import now_rfc3339
from firmware.facts import Alert, AlertKind, PanicState
from firmware.service import Unit
from firmware.spool import Entry, Spool, SpoolError, SpoolFull
from firmware.watch import names

RETRY_S = 0.5
RESERVE_S = 10.0
log = logging.getLogger("panel")


class Raising:
    """`changed` is called in the event loop after each change of `state`, `faults` or `unsaved`."""

    def __init__(self, unit: Unit, files: PanelFiles, changed: Callable[[], None]) -> None:
        self.unit, self.files, self.changed = unit, files, changed
        self.policy = unit.config.site.alerts
        self.spool = Spool(Path(unit.config.unit.folders.data) / "spool", self.policy.reserve_bytes)
        self.loop = asyncio.get_running_loop()
        self.writer = ThreadPoolExecutor(1, "spool")
        self.known: dict[str, openalerts.Known] = {}
        self.unsaved: set[str] = set()
        self.put_fault = self.reserve_fault = ""
        self.held = ""
        self.open_tamper = False

    def raise_(self, kind: AlertKind) -> None:
        """Puts a new alert in the spool; tried again until it is there."""
        alert = Alert(id=str(ULID()), unit=self.unit.config.unit.name, kind=kind, raised_at=now_rfc3339())
        if kind == "panic":
            self.held = alert.id
        self._begin(alert)

    def _begin(self, alert: Alert) -> None:
        """The writer has it before anything else is done: before the lamps, and before the loop turns."""
        self.unsaved.add(alert.id)
        written = self.loop.run_in_executor(self.writer, self._put, alert)
        self.unit.group.create_task(self._save(alert, written))

    def let_go(self) -> None:
        """PANIC was released: its press is over, and done when it is in the spool."""
        held, self.held = self.held, ""
        if held and held not in self.unsaved:
            self.writer.submit(self.files.forget, held)

    def recover(self, pressed: bool, stuck_s: float) -> bool:
        """Finishes what a panel before this one began; True where the PANIC now `pressed` is already an alert.

        After a crash what it remembered tells; after a boot nothing is remembered, and a panic younger than `stuck_s`
        is the same press. One that a person has answered is over either way: pressed now is pressed again. A release
        that the dead panel never saw must not cost a press; one alert too many costs a question.
        """
        left = self.files.remembered()
        for alert in left:
            if self._find(alert.id) is None:
                self._begin(alert)
        panics = [alert.id for alert in left if alert.kind == "panic" and not self._answered(alert.id)]
        self.held = panics[-1] if panics and pressed else ""
        for alert in left:
            if alert.id not in self.unsaved and alert.id != self.held:
                self.files.forget(alert.id)
        return pressed and (bool(panics) or (self.files.fresh and self._fresh_panic(stuck_s)))

    def state(self, now: float) -> PanicState:
        self.known, state = openalerts.shown(self.known, now, self.policy.acknowledged_lamp_s)
        return state

    def due(self) -> float | None:
        return openalerts.due(self.known, self.policy.acknowledged_lamp_s)

    def faults(self) -> tuple[str, ...]:
        return tuple(each for each in (self.put_fault, self.reserve_fault) if each)

    def unsaved_panic(self) -> bool:
        return bool(self.put_fault)

    async def follow(self) -> None:
        """The marks of the alerts service, as they come."""
        async for name in names(self.spool.folder):
            if not name:
                self._seen_all(await asyncio.to_thread(self.spool.entries))
            elif name.endswith((".delivered", ".acknowledged")) and not name.startswith("."):
                id = name.partition(".")[0]
                self._seen(id, await asyncio.to_thread(self._find, id))
            self.changed()

    async def keep_reserve(self) -> None:
        while True:
            kept = await asyncio.to_thread(self.spool.keep_reserve)
            self.reserve_fault = "" if kept else "spool: no reserve"
            self.changed()
            await asyncio.sleep(RESERVE_S)

    async def _save(self, alert: Alert, written: asyncio.Future[None]) -> None:
        while True:
            try:
                await written
                break
            except SpoolError as error:
                log.error("alert %s is not on disk yet: %s", alert.id, error)
                self.put_fault = "spool: full" if isinstance(error, SpoolFull) else "spool: cannot be written"
                self.changed()
                await asyncio.sleep(RETRY_S)
                written = self.loop.run_in_executor(self.writer, self._put, alert)
        self._saved(alert)

    def _put(self, alert: Alert) -> None:
        self.files.remember(alert)
        self.spool.put(alert)

    def _saved(self, alert: Alert) -> None:
        self.unsaved.discard(alert.id)
        self.put_fault = self.put_fault if self.unsaved else ""
        if alert.kind == "panic":
            self.known = openalerts.seen(self.known, alert.id, "raised", self.loop.time())
        self.changed()
        if alert.id != self.held:
            self.writer.submit(self.files.forget, alert.id)
        log.info("raised", extra={"alert": alert.id, "kind": alert.kind})

    def _find(self, id: str) -> Entry | None:
        """The alert with its marks, also where the alerts service has closed it."""
        done = self.spool.folder / "done"
        return self.spool.entry(id) or (Spool(done, 0).entry(id) if done.exists() else None)

    def _answered(self, id: str) -> bool:
        entry = self._find(id)
        return entry is not None and entry.acknowledged is not None

    def _seen_all(self, entries: list[Entry]) -> None:
        for entry in entries:
            self._seen(entry.alert.id, entry)

    def _seen(self, id: str, entry: Entry | None) -> None:
        if entry is None:
            self.known = {each: state for each, state in self.known.items() if each != id}
        elif entry.alert.kind == "panic":
            self.known = openalerts.seen(self.known, id, openalerts.reached(entry), self.loop.time())

    def _fresh_panic(self, stuck_s: float) -> bool:
        youngest = datetime.now(UTC).timestamp() - stuck_s
        return any(
            entry.alert.kind == "panic" and not entry.acknowledged and _raised(entry) > youngest
            for entry in self.spool.entries()
        )

    def tamper_is_open(self) -> bool:
        """Whether a tamper alert waits for an answer."""
        return any(entry.alert.kind == "tamper" and not entry.acknowledged for entry in self.spool.entries())


def _raised(entry: Entry) -> float:
    try:
        return datetime.fromisoformat(entry.alert.raised_at).timestamp()
    except ValueError:
        return time.time()
